"""What the engine has, and what of it nobody may use through this store.

The lists say what is allowed; what an engine brings beyond them is refused until somebody has looked at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


def words(text: str) -> frozenset[str]:
    """The names in a text."""
    return frozenset(text.split())


FUNCTION_CATEGORIES: Final = frozenset(
    {
        "Arithmetic", "Arrays", "Bit", "Bitmap", "Comparison", "Conditional", "Dates and Times", "Dictionary",
        "Distance", "Encoding", "Encryption", "Financial", "Geo", "Geo Polygon", "Hash", "IP Address", "JSON",
        "Logical", "Map", "Mathematical", "Null", "NumericIndexedVector", "QBit", "Random Number", "Rounding", "String",
        "String Replacement", "String Search", "String Splitting", "Time Series", "Time Window", "Tuple",
        "Type Conversion", "URL", "UUID",
    }
)  # fmt: skip
"""Categories of functions that compute a value from values."""

OTHER_FUNCTIONS: Final = words(
    """
    FQDN MACNumToString MACStringToNum MACStringToOUI authenticatedUser bar blockNumber blockSerializedSize blockSize
    byteSize colorOKLABToSRGB colorOKLCHToSRGB colorSRGBToOKLAB colorSRGBToOKLCH connectionId connection_id countDigits
    currentDatabase
    currentProfiles currentQueryID currentRoles currentSchemas currentUser defaultProfiles defaultRoles
    defaultValueOfArgumentType defaultValueOfTypeName digits displayName dumpColumnStructure enabledProfiles
    enabledRoles
    errorCodeToName finalizeAggregation flipCoordinates formatQuery formatQueryOrNull formatQuerySingleLine
    formatQuerySingleLineOrNull formatReadableDecimalSize formatReadableQuantity formatReadableSize
    formatReadableTimeDelta generateSerialID getSetting getSettingOrDefault getSizeOfEnumType getSubcolumn
    globalVariable highlightQuery hostName identity ignore indexHint initialQueryID initialQueryStartTime
    initializeAggregation isConstant isDecimalOverflow lowCardinalityIndices lowCardinalityKeys materialize
    minSampleSizeContinuous minSampleSizeConversion neighbor normalizeQuery normalizeQueryKeepNames normalizedQueryHash
    normalizedQueryHashKeepNames parseISO8601Duration parseReadableSize parseReadableSizeOrNull parseReadableSizeOrZero
    parseTimeDelta partitionId pgGetUserById pgTableIsVisible queryID revision rowNumberInAllBlocks rowNumberInBlock
    runningAccumulate runningDifference runningDifferenceStartingWithFirstValue serverUUID shardCount shardNum sleep
    sleepEachRow throwIf toColumnTypeName toTypeName transform uptime variantElement variantType version visibleWidth
    _CAST nested caseWithExpression
    """
)
"""Functions of the categories "Other" and "Internal" that reach nothing outside of the query."""

AGGREGATES_REFUSED: Final = frozenset({"flameGraph"})

TABLE_FUNCTIONS: Final = words(
    """
    format generateRandom generateSeries generate_series null numbers numbers_mt primes values view zeros zeros_mt
    """
)
"""Table functions that make rows out of nothing but their arguments."""

TABLE_ENGINES: Final = words(
    """
    AggregatingMergeTree CoalescingMergeTree CollapsingMergeTree Dictionary GraphiteMergeTree Join Log
    MaterializedView Memory Merge MergeTree Null ReplacingMergeTree Set StripeLog SummingMergeTree TinyLog
    VersionedCollapsingMergeTree View
    """
)
"""Engines that keep their data in this store. A table of another one (Kafka) may make the data impossible to open."""

DATABASE_ENGINES: Final = frozenset({"Atomic", "Memory", "Ordinary"})

DICTIONARY_SOURCES: Final = frozenset({"clickhouse", "null"})

SYSTEM_TABLES: Final = words(
    """
    aggregate_function_combinators build_options codecs collations columns constraints contributors
    data_skipping_indices
    data_type_families database_engines databases dictionaries disks formats functions keywords licenses
    merge_tree_settings numbers numbers_mt one parts primes projections settings table_engines table_functions tables
    time_zones zeros zeros_mt
    """
)
"""Tables of ``system`` that drivers and query tools ask for, and that tell nothing of what others do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A row of ``system.functions``."""

    name: str
    alias_to: str
    category: str
    is_aggregate: bool
    is_ours: bool
    """Made in SQL by the writer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The names that a statement must not use."""

    functions_refused: frozenset[str]
    """In lower case: names of functions are looked up in any case."""
    table_functions_refused: frozenset[str]
    """In lower case."""
    engines_refused: frozenset[str]
    """As they are: names of engines are exact."""


def catalogue(
    functions: Iterable[Function],
    table_functions: Iterable[str],
    engines: Iterable[str],
    database_engines: Iterable[str],
) -> Catalogue:
    """What is refused of an engine that has these."""
    known = {function.name: function for function in functions}
    return Catalogue(
        functions_refused=frozenset(
            name.lower() for name, function in known.items() if not _allowed(known.get(function.alias_to, function))
        ),
        table_functions_refused=frozenset(name.lower() for name in set(table_functions) - TABLE_FUNCTIONS),
        engines_refused=frozenset(set(engines) - TABLE_ENGINES) | frozenset(set(database_engines) - DATABASE_ENGINES),
    )


def _allowed(function: Function) -> bool:
    if function.is_ours:
        return True
    if function.is_aggregate:
        return function.name not in AGGREGATES_REFUSED
    return function.category in FUNCTION_CATEGORIES or function.name in OTHER_FUNCTIONS
