"""index.db: the frame table, and what the last run made of it. Written by the index rule and the summary rule only."""

import json
import os
import zlib
from dataclasses import fields

from sqlalchemy import (
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    select,
)
from sqlalchemy.exc import DatabaseError

from soxslib import __version__
from soxslib.catalogue.scan import OK, Entry, read_changes
from soxslib.datamodel import Exposure

METADATA = MetaData()

_PACKED = {"binning", "lamps", "extra"}  # stored as JSON


def _exposure_columns():
    for f in fields(Exposure):
        kind = next((kind for word, kind in (("float", Float), ("int", Integer)) if word in str(f.type)), String)
        yield Column(f"x_{f.name}", String if f.name in _PACKED else kind)


RAW_FRAMES = Table(
    "raw_frames",
    METADATA,
    Column("path", String, primary_key=True),
    Column("size", Integer),
    Column("mtime", Float),
    *(Column(name, String) for name in ("status", "reason", "category", "type", "arm")),
    *_exposure_columns(),
)
META = Table("meta", METADATA, Column("key", String, primary_key=True), Column("value", String))
TASKS = Table(
    "tasks",
    METADATA,
    Column("id", Integer, primary_key=True),
    *(
        Column(name, String)
        for name in ("step", "arm", "night", "stem", "target", "status", "reason", "verdict", "verdict_reason")
    ),
)
TASK_INPUTS = Table(
    "task_inputs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("task", Integer),
    Column("name", String),
    Column("rank", Integer),
    Column("path", String),
    Column("used", Integer),
    Column("reason", String),  # why it was passed over
)
PRODUCTS = Table(
    "products",
    METADATA,
    Column("path", String, primary_key=True),
    *(Column(name, String) for name in ("step", "arm", "night", "stem", "name", "status")),
)
QC = Table(
    "qc",
    METADATA,
    Column("id", Integer, primary_key=True),
    *(Column(name, String) for name in ("step", "arm", "night", "stem", "name")),
    Column("order", Integer),
    Column("value", Float),
    Column("text", String),
    Column("unit", String),
    Column("meaning", String),
    Column("state", String),  # pass, warn, fail under the limits in force when this was gathered
    Column("mjd", Float),
)


_LAYOUT = ",".join(f"{t.name}.{c.name}" for t in METADATA.sorted_tables for c in t.columns)
# an index of another revision is made anew: what is a good header, or the tables, may have changed
REVISION = f"{__version__}/{zlib.crc32(_LAYOUT.encode())}"


def open_database(path):
    """Engine of an index, its tables made where they are missing."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def _faster(connection, _):
        connection.execute("PRAGMA synchronous=OFF")  # the index can be made again from the files

    METADATA.create_all(engine)
    return engine


def load_entries(path):
    """Entries of an index; [] when there is none, or one of another revision, or it is damaged."""
    return sorted((_entry(row) for row in _rows(path, RAW_FRAMES) or []), key=lambda entry: entry.path)


def load_identities(path):
    """{path: (size, mtime)} of the files of an index; None when there is no such index as this release writes."""
    rows = _rows(path, RAW_FRAMES.c.path, RAW_FRAMES.c.size, RAW_FRAMES.c.mtime)
    return None if rows is None else {file: (size, mtime) for file, size, mtime in rows}


def load_objections(path):
    """[(status, reason)] of the files of an index that are no good frames."""
    table = RAW_FRAMES.c
    return _rows(path, table.status, table.reason, where=table.status != OK, order=table.path) or []


def _rows(path, *columns, where=None, order=None):
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return None
    engine = None
    try:
        engine = open_database(path)
        with engine.connect() as connection:
            revision = connection.execute(select(META.c.value).where(META.c.key == "revision")).scalar()
            if revision != REVISION:
                return None
            query = select(*columns) if where is None else select(*columns).where(where)
            return connection.execute(query.order_by(order)).fetchall()
    except DatabaseError:
        return None
    finally:
        if engine:
            engine.dispose()


def update_index(path, sources):
    """How many headers were read to make the frame table that of the files of the sources; others are left alone."""
    known = load_identities(path)
    if known is None and os.path.exists(path):
        os.remove(path)
    fresh, gone = read_changes(sources, known or {})
    replaced = [{"file": path} for path in (*gone, *(e.path for e in fresh)) if known and path in known]
    engine = open_database(path)
    with engine.begin() as connection:
        if known is None:
            connection.execute(insert(META), [{"key": "revision", "value": REVISION}])
        if replaced:
            connection.execute(delete(RAW_FRAMES).where(RAW_FRAMES.c.path == bindparam("file")), replaced)
        if fresh:
            connection.execute(insert(RAW_FRAMES), [_row(entry) for entry in fresh])
    engine.dispose()
    return len(fresh)


def save_results(path, tables):
    """Replaces the rows of the result tables: {table: [row dict]}."""
    engine = open_database(path)
    with engine.begin() as connection:
        for table, rows in tables.items():
            table.drop(connection, checkfirst=True)  # of an earlier release, perhaps, with other columns
            table.create(connection)
            if rows:
                connection.execute(insert(table), rows)
    engine.dispose()


def _row(entry):
    row = {c: getattr(entry, c) for c in ("path", "size", "mtime", "status", "reason", "category", "type", "arm")}
    for f in fields(Exposure):
        value = getattr(entry.exposure, f.name) if entry.exposure else None
        row[f"x_{f.name}"] = json.dumps(value) if f.name in _PACKED and value is not None else value
    return row


def _entry(row):
    values = row._mapping
    exposure = None
    if values["x_file"] is not None:
        facts = {f.name: values[f"x_{f.name}"] for f in fields(Exposure)}
        facts.update(binning=tuple(json.loads(facts["binning"])), lamps=tuple(json.loads(facts["lamps"])))
        facts["extra"] = json.loads(facts["extra"])
        exposure = Exposure(**facts)
    entry = {c: values[c] for c in ("path", "size", "mtime", "status", "reason", "category", "type", "arm")}
    return Entry(**entry, exposure=exposure)
