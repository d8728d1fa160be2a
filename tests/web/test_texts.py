"""Every sentence that a person may read has German words: in templates, in scripts, in what is raised."""

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import jinja2.ext
import pytest
from babel.messages.pofile import read_po

import web.app  # noqa: F401
from livestream.errors import LiveError
from storage.errors import UserError
from web.i18n import CATALOGUES
from web.pages import environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PACKAGES = ("web", "shop", "storage", "personalization", "video_assembly", "livestream", "workers")
SCRIPTS = ROOT / "web" / "static" / "js"
TEMPLATES = ROOT / "web" / "templates"
# What is raised or written with these is for developers and operators at a terminal.
FOR_DEVELOPERS = re.compile(
    r"(log|logger|logging|click|warnings|secho|echo|Field|ValueError|RuntimeError|TypeError|AssertionError|LookupError"
    r"|OSError|KeyError|ClickException|SystemExit|argument|add_argument|add_parser|ArgumentParser|option"
    r"|ConfigurationError|ProgrammerError|text|Check|Event|ProtocolError|ConnectionError|CheckConstraint)"
)
# All that these write is for operators, at a terminal or in Prometheus.
FOR_OPERATORS = ("web/doctor.py", "web/metrics.py", "web/phones.py")
# Names, the same in every language.
NAMES = {"Vitrine", "LIVE", "Deutsch", "English"}
SENTENCE = re.compile(r"[A-Z].*\s.*[.!?]", re.DOTALL)


def translations() -> Iterator[tuple[str, str, str]]:
    """Each entry of the German catalogues: its file, msgid and msgstr."""
    for path in sorted((CATALOGUES / "de" / "LC_MESSAGES").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="de", abort_invalid=True):
                if message.id:
                    yield path.name, str(message.id), str(message.string)


def template_texts() -> Iterator[tuple[str, str]]:
    for path in sorted(TEMPLATES.rglob("*.html")):
        tree = environment.parse(path.read_text())
        for line, _, texts in jinja2.ext.extract_from_ast(tree, ("_",), babel_style=False):
            yield f"{path.name}:{line}", str(texts[0])


def script_texts() -> Iterator[tuple[str, str]]:
    literal = r'"((?:[^"\\\n]|\\.)*)"'
    for path in sorted(SCRIPTS.rglob("*.js")):
        code = path.read_text()
        found = [*re.finditer(rf"(?<![\w.])t\(\s*{literal}", code)]
        # A sentence kept in a table is translated where it is shown.
        found += [
            match
            for match in re.finditer(rf"(?<!Error\()(?<!t\(){literal}", code)
            if SENTENCE.fullmatch(match[1]) and not re.search(r"(^|\s)(\*|//)[^\n]*$", code[: match.start()])
        ]
        for match in found:
            line = code[: match.start()].count("\n") + 1
            yield f"{path.relative_to(SCRIPTS)}:{line}", match[1].replace('\\"', '"')


def _subclasses(base: type) -> set[str]:
    return {base.__name__} | {name for each in base.__subclasses__() for name in _subclasses(each)}


# Errors whose sentence a person or a program reads, once the application has imported all of them.
TOLD = _subclasses(UserError) | _subclasses(LiveError)


class Sentences(ast.NodeVisitor):
    """Collects the string constants that look like a sentence, docstrings and words for developers left out."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []
        self.assembled: list[int] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        self.visit(node.test)

    def visit_Call(self, node: ast.Call) -> None:
        target = node.func
        names = {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
        names |= {target.attr} if isinstance(target, ast.Attribute) else set()
        if names & TOLD:
            self.assembled += [each.lineno for each in node.args if isinstance(each, ast.JoinedStr)]
        if not any(FOR_DEVELOPERS.fullmatch(name) for name in names):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and SENTENCE.fullmatch(node.value):
            self.found.append((node.lineno, node.value))


def python_texts() -> Iterator[tuple[str, str]]:
    for path, sentences in _python():
        if path.as_posix() not in FOR_OPERATORS:
            yield from ((f"{path}:{line}", text) for line, text in sentences.found)


def _python() -> Iterator[tuple[Path, Sentences]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            sentences = Sentences()
            sentences.visit(ast.parse(path.read_text()))
            yield path.relative_to(ROOT), sentences


@pytest.mark.parametrize("source", [template_texts, script_texts, python_texts])
def test_everything_shown_has_german_words(source) -> None:  # type: ignore[no-untyped-def]
    known = {message for _, message, translated in translations() if translated}
    texts = list(source())
    assert texts, "nothing was found, so nothing was tested"
    assert [f"{place} {text}" for place, text in texts if text not in known] == []


def test_no_sentence_is_put_together_from_pieces() -> None:
    assert [f"{path}:{line}" for path, sentences in _python() for line in sentences.assembled] == []


def test_placeholders_are_the_same_in_both_languages() -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    assert [f"{file}: {one}" for file, one, other in translations() if names(one) != names(other)] == []


def test_a_sentence_has_one_translation() -> None:
    found: dict[str, set[str]] = {}
    for path in sorted((CATALOGUES / "de" / "LC_MESSAGES").glob("*.po")):
        entry = re.compile(r'^msgid ((?:"(?:[^"\\]|\\.)*"\s*)+)^msgstr ((?:"(?:[^"\\]|\\.)*"\s*)+)', re.MULTILINE)
        for message, translated in entry.findall(path.read_text()):
            join = re.compile(r'"\s*"')
            found.setdefault(join.sub("", message.strip()), set()).add(join.sub("", translated.strip()))
    assert len(found) > 100
    assert {message: texts for message, texts in found.items() if len(texts) > 1 and message != '""'} == {}


def test_no_words_stand_in_a_template_untranslated() -> None:
    bare = []
    for path in sorted(TEMPLATES.rglob("*.html")):
        text = re.sub(r"\{% block (main|body)_class %\}.*?\{% endblock %\}", " ", path.read_text())
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
        text = re.sub(r"<!--.*?-->|<[^>]*>|&\w+;|[\w-]+=\"[^\"]*\"", " ", text, flags=re.DOTALL)
        bare += [f"{path.name}: {word}" for word in re.findall(r"[^\W\d_]{2,}", text) if word not in NAMES]
    assert bare == []
