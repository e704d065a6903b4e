"""Spares a run what Snakemake would import without need."""

import sys

PLAIN, TABLES = "_serialize_param_builtin", "_serialize_param_pandas"


def keep_pandas_out():
    """Has Snakemake write params down without pandas for as long as nobody has imported it: none can be a table of it then.

    Wherever pandas is installed, Snakemake imports it for this at each start, a third of a second.
    """
    from snakemake.persistence import PersistenceBase

    plain, given = getattr(PersistenceBase, PLAIN, None), getattr(PersistenceBase, TABLES, None)
    if plain is None or given is None or getattr(given, "is_lean", False):  # another Snakemake, or done before
        return

    def lean(self, value):
        return (given if "pandas" in sys.modules else plain)(self, value)

    lean.is_lean = True
    setattr(PersistenceBase, TABLES, lean)
