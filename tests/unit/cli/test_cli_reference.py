"""The printed help is the documented help."""

from pathlib import Path

from fleet_double import Command

from supafleet.cli.exits import EXIT_MEANINGS, ExitCode
from supafleet.cli.reference import help_texts, reference_page

ROOT = Path(__file__).resolve().parents[3]


def test_the_reference_page_is_what_make_docs_writes() -> None:
    assert (ROOT / "docs" / "reference" / "cli.md").read_text() == reference_page(), "run `make docs`"


def test_every_command_and_every_option_says_what_it_does() -> None:
    texts = dict(help_texts())
    assert {"supafleet up", "supafleet project create", "supafleet run events"} <= texts.keys()
    for path, text in texts.items():
        for line in text.split("Options:")[-1].splitlines():
            if line.strip().startswith("--"):
                assert len(line.split("  ")) >= 3, f"{path}: {line.strip()} is not explained"


def test_no_line_of_a_list_of_commands_is_cut(cli: Command) -> None:
    for words in ([], ["project"], ["run"], ["host"], ["token"]):
        listed = cli(*words, "--help").out.partition("Commands:")[2].partition("\n\n")[0].splitlines()[1:]
        assert listed
        assert [line for line in listed if line.endswith("...")] == []


def test_an_argument_that_may_be_repeated_is_told_once() -> None:
    texts = dict(help_texts())
    assert "{PROJECT} [SERVICE]...\n" in texts["supafleet project restart"]
    assert "{PROJECT} [NAME=VALUE]...\n" in texts["supafleet project set"]
    assert [path for path, text in texts.items() if "[[" in text] == []


def test_every_exit_code_is_in_the_help(cli: Command) -> None:
    answer = cli("--help")
    assert answer.code == 0
    assert set(EXIT_MEANINGS) == set(ExitCode)
    words = " ".join(answer.out.split())
    for code, meaning in EXIT_MEANINGS.items():
        assert f"{int(code)} {meaning}" in words


def test_a_wrong_option_is_a_usage_error(cli: Command) -> None:
    assert cli("project", "list", "--wrong").code == 2
    assert cli("project", "create").code == 2
    assert cli("project", "create", "x", "--flavour", "vanilla").code == 2
