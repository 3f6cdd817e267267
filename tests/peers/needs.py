"""What a peer needs that may not be on a machine, and the package that has it. setup.sh installs them."""

import functools
import glob
import os
import shutil
import subprocess

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
HOME = os.path.join(ROOT, "target/peers")  # where packages go that are not Debian's
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
PYTHON = os.path.join(HOME, "venv/bin/python")
NODE_MODULES = os.path.join(HOME, "npm/node_modules")


def program(name):
    """The path of a program, by its name or by a pattern of paths; None if it is not there."""
    return shutil.which(name, path=PATH) if "/" not in name else max(glob.glob(name), default=None)


class Need:
    installable = True


class Debian(Need):
    """A program of a Debian package, or a file of it."""

    def __init__(self, package, *programs):
        self.package, self.programs = package, programs or (package,)

    def missing(self):
        return next((name for name in self.programs if program(name) is None), None)


class Pip(Need):
    """A Python package, in an environment of its own."""

    def __init__(self, name, version, module=None):
        self.package, self.module = "%s==%s" % (name, version), module or name

    def missing(self):
        found = glob.glob(os.path.join(HOME, "venv/lib/python3*/site-packages", self.module))
        return None if found else "Python package " + self.package


class Npm(Need):
    """A package for Node."""

    def __init__(self, name, version):
        self.package, self.name = "%s@%s" % (name, version), name

    def missing(self):
        found = os.path.exists(os.path.join(NODE_MODULES, self.name))
        return None if found else "npm package " + self.package


class Namespaces(Need):
    """That a process may have a network and mounts of its own, which no package gives."""

    installable = False

    @staticmethod
    @functools.lru_cache
    def missing():
        unshare = program("unshare")
        tried = unshare and subprocess.run([unshare, "-n", "-m", "true"], capture_output=True)
        return None if tried and tried.returncode == 0 else "leave to unshare"
