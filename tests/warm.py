"""What other scripts here share: a target folder that starts with the dependencies that another has built."""

import os
import shutil


def seed(built, fresh):
    """All of `built` but the library itself and its tests; nothing if there is one already."""
    ours = shutil.ignore_patterns("*fdwire*", "c_programs*", "costs*", "*.rcgu.o")
    for folder in ("deps", "build", ".fingerprint"):
        if (built / folder).exists() and not (fresh / folder).exists():
            # Cargo touches files of the others.
            how = os.link if folder == "deps" else shutil.copy2
            shutil.copytree(built / folder, fresh / folder, ignore=ours, copy_function=how)
