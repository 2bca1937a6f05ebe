"""Writes upstream-verdicts.jsonl: small qna.yaml files and what the original parser says about them.

    pip install instructlab-schema==0.4.2 yamllint==1.37.1 pyyaml==6.0.2
    python make-upstream-verdicts.py > upstream-verdicts.jsonl

The files are made here, by hand and by chance from a fixed seed; only the verdicts are the original's. yamllint runs in this process instead of
in one of its own, which says the same and is a hundred times as fast.
"""

import copy
import io
import json
import pathlib
import random
import re
import tempfile
import types

import yaml

# One of yamllint's rules teaches this very process another way of reading octal numbers, which its own process would keep to itself.
resolvers = copy.deepcopy(yaml.resolver.Resolver.yaml_implicit_resolvers)
import instructlab.schema.taxonomy as upstream  # noqa: E402
from yamllint import config as lint_config, linter  # noqa: E402
from yamllint.cli import Format  # noqa: E402

yaml.resolver.Resolver.yaml_implicit_resolvers = resolvers
findings = []


def lint(command, input, **_):
    found = list(linter.run(io.BytesIO(input.encode()), lint_config.YamlLintConfig(command[4]), ""))
    findings.extend([[one.line, one.column, one.rule] for one in found])
    return types.SimpleNamespace(stdout="\n".join(Format.parsable(one, "stdin") for one in found))


upstream.subprocess = types.SimpleNamespace(run=lint, PIPE=None, STDOUT=None)
upstream.print = lambda *_: None

SKILL = """version: 3
created_by: me
task_description: Do it
seed_examples:
  - question: q1
    answer: a1
  - question: 'q2'
    answer: |
      some text

      more
  - question: "q3"
    answer: >-
      folded
      text
  - context: c
    question: q4
    answer: a4
  - {question: q5, answer: a5}
"""
KNOWLEDGE = """# comment
version: 3
domain: d
created_by: me
document_outline: o
document:
  repo: https://example.org/x.git
  commit: 0123abc
  patterns: ["*.md"]
seed_examples:
""" + "".join(
    f"- context: c{n}\n  questions_and_answers:\n" + "".join(f"  - question: q{n}{m}\n    answer: a{m}\n" for m in "xyz")
    for n in range(5)
)
random.seed(7)
cases = []


def add(text, folder="compositional_skills"):
    cases.append((folder, text))


add(SKILL)
add(KNOWLEDGE, "knowledge")
add(KNOWLEDGE, "elsewhere")
for version in ["3.0", '"3"', "null", "[1]", "2024-01-01", "true", "false", "0", "4", "-1", "1", "2", "2.0", "3.5", "1_0", "' 2 '", "x", ".nan", ".inf", "", "{}"]:
    add(SKILL.replace("version: 3", f"version: {version}".rstrip()))
add(SKILL.replace("version: 3\n", ""))
for version in ["1", "2", "4", "true"]:
    add(KNOWLEDGE.replace("version: 3", f"version: {version}"), "knowledge")
for text in ["", "\n", "# x\n", "---\n", "...\n", "[]\n", "{}\n", "0\n", "no\n", '""\n', "- a\n", "x\n", "2024-01-01\n", "\ufeff", "a: b\n---\nc: d\n", "\t\n"]:
    add(text)
VALUES = """yes|off|y|True|null|~|1|010|08|0o7|0b1|0x1F|0x|1_000|1e3|1.5e+3|.5|1:30|1:30.5|1:60|2024-01-01|2024-1-1|2024-13-45|2024-1-1 1:00:00|=|<<|[]|{}|[a]|{a: b}|[ a ]|[  a ]|[a ,b]|{ a: b }|'it''s'|"a\\tb"|"a\\qb"|"\\u00e9"|!!str 1|!!int x|!!int 7|!!float 1|!!binary aGk=|!!set {a}|!x y|! yes|!!seq x|&x v|*x|*.md|@x|`x|%x|- x|? x|a: b|a:b|a #b|a#b|'open|"open|a\tb|x\t|x  # c|text\n continued|text\n     continued|'multi\n line'|\n      below|\n         below||\n      x|>\n     x|>-\n      x\n\n\n\n      y||2\n      x||0\n      x|| x|é😀"""
values = VALUES.replace("||", "\0").split("|")
for value in values:
    add(SKILL.replace("answer: a1", f"answer: {value.replace(chr(0), '|')}"))
for old, new in [
    ("answer: a1", "answer: a1\n    answer: again"), ("answer: a1", "answer: a1\n    extra: 1\n    more: 2"), ("  - question: q1\n    answer: a1\n", ""),
    ("'q2'", "q1"), ("created_by", "createdby"), ("question: q1", "question : q1"), ("question: q1", "question:  q1"), ("- question: q1", "-  question: q1"),
    ("- question: q1\n    ", "-\n    question: q1\n    "), ("question: q1", "? question\n    : q1"), (", answer", ",answer"), (", answer", " ,  answer"), ("{question: q5, answer: a5}", "{ question: q5, answer: a5  }"),
    ("{question: q5", "{question: q5,\n     x: y"), ("{question: q5", "{\n      question: q5"), ("\n  - ", "\n- "), ("\n  ", "\n    "), ("\n    ", "\n   "), ("more\n", "more\n\n\n\n\n"), ("more\n", "more  \n"), ("\n", "\r\n"),
    ("version: 3\n", "\n\nversion: 3\n"), ("version: 3\n", "---\nversion: 3\n"), ("version: 3\n", "%YAML 1.1\n---\nversion: 3\n"), ("version: 3\n", "\ufeffversion: 3\n"), ("me\n", "me \n"), ("me\n", "me # yamllint disable-line \n"),
    ("me\n", "me  # yamllint disable-line rule:trailing-spaces \n"), ("version", "# yamllint disable\nversion"), ("version", "# yamllint disable-file\nversion"), ("me\n", "\x07\n"), ("me\n", "&a me\nx: *a\n"), ("me\n", "&a me\nx: &a y\n"),
    ("- context: c\n", "- <<: {context: c}\n"), ("- context: c\n", "- <<: c\n"), ("- context: c\n", "- [context]: c\n"), ("- context: c\n", "- 1: c\n"), ("seed_examples:\n", "seed_examples: &s\n"), ("seed_examples:\n", "seed_examples:  # c\n"), ("me\n", "me\n\tx: y\n"),
]:
    add(SKILL.replace(old, new))
for text in [SKILL[:-1], SKILL + "\n", SKILL + "\n\n\n", SKILL + "...\n", SKILL + "  ", SKILL + "# end"]:
    add(text)
# What was once judged otherwise here.
EXTRA = "me\nx: "
for value in """!!str {=: b}|!!str {a: b}|!!int {=: 7}|!!int 0o7|!!int 0o8|!!int ' 7'|!!binary aGk|!!binary a|!!binary 'aG k='|!!omap [{a: 1, b: 2}]|!!omap [a: 1]|!!omap {a: 1}|!!pairs [a: 1, a: 2]|2024-01-01 10:00:00 +23:60|2024-01-01 10:00:00 +23:59|&x [*x]|&x {a: *x}|&x {*x : a}
  - !!str
  - a|
  - &a
  - b: c
    d: e|
- !!seq
- a|
  ? >-
    a
  : b|
  ? >-
    a
   : b|&x !!timestamp {=: 1}""".split("|"):
    add(SKILL.replace("me\n", EXTRA + value + "\n"))
    add(SKILL.replace("answer: a1", "answer: " + value))
for value in ["!!omap", "!!pairs", "!!set", "!!seq"]:
    add(SKILL.replace("seed_examples:", "seed_examples: " + value))
for value in ["&x [*x]", "&x {a: *x}", "!!set {a}"]:
    add(KNOWLEDGE.replace("answer: ax", "answer: ax\n    z: " + value, 1), "knowledge")
for directive in ["%YAML 01.1", "%YAML 1.02", "%YAML 02.1", "%YAML 10.1"]:
    add(directive + "\n---\n" + SKILL)
BLANK = SKILL.replace("me\n", "me \n")
for comment in ["# yamllint disable-file", "#yamllint disable-file", " # yamllint disable-file", "#\tyamllint disable-file ", "#  yamllint disable-file", "# yamllint disable-file x", "\ufeff# yamllint disable-file", "\n# yamllint disable-file"]:
    add(comment + "\n" + BLANK)
for mark in ["\ufeff", "\ufeff\ufeff", "\ufeff \ufeff", "\n\ufeff", "\ufeff---\n"]:
    add(mark + SKILL.replace("version: 3\n", "version:  3 \n"))
add(SKILL.replace("me\n", "\ufeffme \n").replace("created_by: ", "created_by:  "))
for top in [".nan", "!!set {}", "!!set {a}", "!!binary ''", "!!binary aGk=", "!!omap []", "!!omap [a: b]", "&a [*a]", "!!str {=: ''}"]:
    add(top + "\n")
for length in [511, 1023, 1024, 1025]:
    add(SKILL + "\U0001f600" * length + ": y\n")
for end in ["x: \U0001f600", "# \U0001f600\U0001f600", "x:  y # yamllint disable-line"]:
    add(SKILL + end)
OTHERS = ["2024-01-01", "2024-01-02", "2024-01-01T01:00:00+1", "2024-01-01T00:00:00Z", "2024-01-01 00:00:00", "!!binary aGk=", "!!binary aG k=", "!!binary aGo=", "!!set {a, b}", "!!set {b, a}", "!!set {b}", "!!omap [a: b]", "!!omap [a: c]"]
for one, other in zip(OTHERS, OTHERS[1:]):
    add(SKILL + f"  - {{question: q, answer: {one}}}\n  - {{question: q, answer: {other}}}\n")
    add(SKILL + f"  - {{question: q, answer: {one}}}\n  - {{question: q, answer: {one}}}\n")
for digits in ["\uff13", "\u0663", "\uff0b3", "\u00b3", "\U0001d7db", "3\uff13", "\u20033", "\u00853", "\ufeff3", "9" * 4300, "9" * 4301]:
    add(BLANK.replace("version: 3", f"version: '{digits}'"))
add(BLANK.replace("version: 3", 'version: "\\x1c2"'))
SIGNS = [" ", "  ", "\t", "\n", "\n\n\n", ":", ": ", " :", "- ", "#", " # c", "'", '"', "[", "]", "{", "}", ",", " ,", "&a ", "*a", "!!str ", "|\n", ">-\n", "? ", "<<", "yes", "\u00a0", "\u2028", "\x85", "é"]
for _ in range(260):
    folder, text = random.choice([("compositional_skills", SKILL), ("knowledge", KNOWLEDGE)])
    for _ in range(random.choice([1, 1, 2])):
        lines = text.split("\n")
        at = random.randrange(len(lines))
        kind = random.randrange(5)
        place = random.randrange(len(text))
        if kind == 0:
            text = text[:place] + random.choice(SIGNS) + text[place:]
        elif kind == 1:
            text = text[:place] + text[place + random.choice([1, 1, 2, 8]) :]
        elif kind == 2:
            lines[at] = " " * random.choice([1, 2, 4]) + lines[at]
            text = "\n".join(lines)
        elif kind == 3:
            end = at + random.randrange(1, 9)
            lines[at:end] = [re.sub("^  ", "", line) if random.random() < 0.5 else "  " + line for line in lines[at:end]]
            text = "\n".join(lines)
        else:
            lines.insert(at, lines.pop(random.randrange(len(lines))))
            text = "\n".join(lines)
    add(text, folder)

with tempfile.TemporaryDirectory() as root:
    for folder, text in dict.fromkeys(cases):
        file = pathlib.Path(root, folder, "leaf", "qna.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        findings.clear()
        parser = upstream.TaxonomyParser(schema_version=0, yamllint_strict=True, message_format="STANDARD")
        parser.yq_available = False
        try:
            result = parser.parse(file)
            verdict = {"errors": result.errors, "warnings": result.warnings}
        except upstream.TaxonomyReadingException:
            # The original ends here, without saying where.
            verdict = {"errors": 1, "warnings": 0, "isUnreadable": True}
        print(json.dumps({"folder": folder, "text": text, **verdict, "lint": findings}, ensure_ascii=True))
