"""Environment files: every value comes back as it was, read by the rules that Compose was seen to follow."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supafleet.stack.environment_file import format_environment, quote_value
from supafleet.stack.errors import RenderError

values = st.text(alphabet=st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"])) | st.text(
    "\\'\"$ {}#a"
)
names = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)


def read_value(text):
    """A quoted value by Compose's rules (tried with 2.26; tests/engine compares with Compose itself)."""
    quote, position, characters, is_escaped = text[0], 1, [], False
    while position < len(text):
        character = text[position]
        position += 1
        if character == quote and not is_escaped:
            break
        if character == "\\" and not is_escaped:
            is_escaped = True
            continue
        if is_escaped and (character != quote or quote == '"'):
            characters.append("\\")
        characters.append(character)
        is_escaped = False
    else:
        raise ValueError("no closing quote")
    assert text[position:] == "", "something follows the closing quote"
    value = "".join(characters)
    return re.sub(r'\\([\\"$])', r"\1", value) if quote == '"' else value


@given(values)
def test_a_value_comes_back_as_it_was(value):
    assert read_value(quote_value(value)) == value


@given(st.dictionaries(names, values))
def test_a_file_has_one_line_per_variable_sorted_by_name(variables):
    lines = format_environment("auth", variables).split("\n")[:-1]
    assert [line.partition("=")[0] for line in lines] == sorted(variables)


@pytest.mark.parametrize("value", ["plain", "", "a$b{c}", "${HOME}", "# no comment", " blanks ", '"', "''", "\\n", "é"])
def test_the_usual_value_stands_in_single_quotes(value):
    assert quote_value(value).startswith("'")


@pytest.mark.parametrize("character", ["\n", "\r", "\0"])
def test_what_a_line_cannot_carry_is_refused_without_showing_it(character):
    with pytest.raises(RenderError) as refusal:
        format_environment("auth", {"GOTRUE_SMTP_PASS": f"hidden{character}value"})
    assert str(refusal.value) == "auth: the value of GOTRUE_SMTP_PASS may not hold a line break or a NUL character"


@pytest.mark.parametrize("name", ["lower", "1ST", "A-B", "A B", "", "A=B", "A\nB"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(RenderError):
        format_environment("auth", {name: "x"})
