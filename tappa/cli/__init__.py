"""The command line. Each command lives in a module of its own, which is imported when the command runs."""

from __future__ import annotations

from tappa.cli.group import LazyGroup

main = LazyGroup(
    "tappa",
    help="Which stage of the journey is each customer in, and how did they get there.",
    epilog="Begin with: tappa up",
    commands={
        "up": ("tappa.cli.up:up", "Run everything on this machine."),
        "status": ("tappa.cli.status:status", "What runs, where, and how far it is."),
        "connect": ("tappa.cli.connect:connect", "How an analyst's tool connects."),
        "sources": ("tappa.cli.sources:sources", "List, add, rotate or remove sources and their write keys."),
        "readers": ("tappa.cli.readers:readers", "List, add or remove keys that may read customers over HTTP."),
        "customer": ("tappa.cli.customer:customer", "One customer: who they are, where they are, what they did last."),
        "why": ("tappa.cli.why:why", "Why two identifiers are one customer, or why they are not."),
        "split": ("tappa.cli.split:split", "Say that two identifiers are not one person."),
        "shared": ("tappa.cli.shared:shared", "Identifiers that join nothing, because too many share them."),
        "model": ("tappa.cli.model:model", "Journey models: list, check, show and test them."),
        "rejected": ("tappa.cli.rejected:rejected", "Dead letters: list them, replay them."),
        "replay": ("tappa.cli.replay:replay", "Read the log again, into this database or another one."),
        "log": ("tappa.cli.log:log", "The log: give it more partitions."),
        "stores": ("tappa.cli.stores:stores", "The store directory: load it, list it."),
        "import": ("tappa.imports:import_", "Send a file of touchpoints."),
        "imports": ("tappa.cli.imports:imports", "Files that were imported: list them, show one."),
        "watch": ("tappa.cli.watch:watch", "Import files as they appear in a folder."),
        "map": ("tappa.imports:map_", "Propose the mapping that imports a file."),
        "demo": ("tappa.demo:demo", "A sample shop."),
        "ingest": ("tappa.cli.parts:ingest", "Only the HTTP side, for production."),
        "worker": ("tappa.cli.parts:worker", "Only the worker, for production."),
        "store": ("tappa.cli.parts:store", "Only the embedded store."),
    },
)
