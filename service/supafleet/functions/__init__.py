"""Edge functions of projects: their code, their versions, and the secrets they see."""
