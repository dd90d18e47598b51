"""A module of this program as a process of its own: `python -I isolated.py PATH MODULE ARGUMENT...`.

Nothing is loaded from the working folder or from where a user's environment points. PATH is the list of folders, in
JSON, that modules are looked for in; `edge.basics.python_child` gives it.
"""

import json
import runpy
import sys

if __name__ == "__main__":
    _, path, module, *arguments = sys.argv
    sys.path[:] = json.loads(path)
    sys.argv[:] = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
