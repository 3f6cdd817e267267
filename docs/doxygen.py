#!/usr/bin/env python3
"""Doxygen's input filter: the header, which is text for people, with what Doxygen wants to be told.

Its opening becomes the main page and each chapter a group; what is set in columns stays as it is; names of functions and
constants become links; a comment that several members share is repeated for each.
"""

import re
import sys

GUARDS = re.compile(r"#ifndef FDWIRE_H\n#define FDWIRE_H\n|#ifdef __cplusplus\n.*?#endif\n|#endif /\* FDWIRE_H \*/\n", re.S)
NAMES = re.compile(r"^\w[^(\n]*?(fdwire_\w+)\(|^  (FDWIRE_\w+) =", re.M)
COMMENT = re.compile(r"^( *)/\*(\*?)(.*?) ?\*/\n", re.M | re.S)


def text_of(comment):
    """The lines of a comment without what makes it one."""
    first, *others = comment.split("\n")
    lines = [first.strip(), *(re.sub(r"^ *\* ?", "", line).rstrip() for line in others)]
    return "\n".join(lines).strip("\n")


def escaped(paragraph, names):
    words = re.sub(r"([\\@<>#%&$])", r"\\\1", paragraph.strip())
    words = re.sub(r"\w+", lambda word: ("#" if word[0] in names else "") + word[0], words)
    return re.sub(r"^Returns:", "@return", words)


def told(text, names):
    """A comment's text as Doxygen reads it."""
    blocks = re.split(r"\n\n+", text)
    return "\n\n".join(
        f"@verbatim\n{block}\n@endverbatim" if block.startswith("  ") else escaped(block, names) for block in blocks
    )


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        header = GUARDS.sub("", file.read())
    names = {name for found in NAMES.findall(header) for name in found}
    groups = 0

    def replaced(match):
        nonlocal groups
        indent, is_doc, text = match[1], match[2], text_of(match[3])
        if is_doc:
            return f"{indent}/**\n{told(text, names)}\n{indent}*/\n"
        title = re.match(r"---- (.*?) -+\n*", text)
        if title is None:
            return f"/** @mainpage {told(text, names)}\n*/\n"
        end = "/** @} */\n" if groups else ""
        groups += 1
        return f"{end}/** @defgroup chapter{groups} {title[1]}\n{told(text[title.end():], names)}\n@{{ */\n"

    header = COMMENT.sub(replaced, header) + "/** @} */\n"
    # A member or macro right behind another has the comment of that one.
    shared = re.compile(r"(^ */\*\*\n(?:(?!\*/)[^\n]*\n)*? *\*/\n)((?:#define |  )\w[^\n]*\n)((?:#define |  )\w[^\n]*\n)", re.M)
    while True:
        repeated = shared.sub(r"\1\2\1\3", header)
        if repeated == header:
            break
        header = repeated
    sys.stdout.write("/** @file fdwire.h */\n" + header)


if __name__ == "__main__":
    main()
