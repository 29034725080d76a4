"""What the style tests share: where the tree is, its files, how to complain."""
import os
import sys

TOP = os.environ.get("top_srcdir") or os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def files(folders, endings):
    """Paths from TOP, sorted, of the files below the folders."""
    found = []
    for folder in folders:
        for at, _, names in os.walk(os.path.join(TOP, folder)):
            found += [os.path.relpath(os.path.join(at, n), TOP) for n in names
                      if n.endswith(endings)]
    return sorted(found)


def text(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def finish(errors, good):
    """Prints the errors, or what is good; ends the program."""
    print("\n".join(errors) if errors else good)
    sys.exit(1 if errors else 0)
