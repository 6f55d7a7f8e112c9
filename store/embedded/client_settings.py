"""Which of ClickHouse's settings a client may bring along: the writer all, the analyst those that do no harm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from store.embedded.catalogue import words
from store.embedded.refusal import READONLY, SETTING_CONSTRAINT_VIOLATION, RefusedError

_HARMLESS: Final = words(
    """
    aggregate_functions_null_for_empty any_join_distinct_right_table_keys async_insert bool_true_representation
    bool_false_representation cancel_http_readonly_queries_on_client_close cast_keep_nullable
    cast_string_to_dynamic_use_inference
    count_distinct_implementation
    date_time_input_format date_time_output_format date_time_overflow_behavior distinct_overflow_mode enable_analyzer
    allow_experimental_analyzer enable_http_compression except_default_mode extremes final force_index_by_date
    force_primary_key format_csv_delimiter format_csv_null_representation format_tsv_null_representation
    group_by_overflow_mode group_by_use_nulls http_headers_progress_interval_ms http_zlib_compression_level
    intersect_default_mode join_algorithm join_default_strictness join_overflow_mode join_use_nulls limit
    load_balancing log_comment log_queries low_cardinality_allow_in_native_format max_block_size max_bytes_to_read
    max_result_bytes max_result_rows max_rows_in_set max_rows_to_group_by max_rows_to_read max_rows_to_sort
    network_compression_method offset optimize_move_to_prewhere optimize_read_in_order prefer_column_name_to_alias
    preferred_block_size_bytes read_overflow_mode result_overflow_mode select_sequential_consistency
    send_progress_in_http_headers session_timezone set_overflow_mode sort_overflow_mode timeout_overflow_mode
    transform_null_in union_default_mode use_uncompressed_cache wait_for_async_insert
    allow_experimental_json_type enable_json_type allow_experimental_object_type allow_experimental_dynamic_type
    allow_experimental_variant_type allow_suspicious_low_cardinality_types enable_time_time64_type
    max_network_bandwidth http_max_field_value_size
    """
)
_HARMLESS_PREFIXES: Final = ("output_format_", "input_format_json_", "input_format_null_", "input_format_csv_")
_REACHES_OUTSIDE: Final = frozenset({"output_format_schema", "output_format_avro_confluent_subject"})

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)


def analyst_settings(given: Mapping[str, str], limits: Mapping[str, float]) -> dict[str, str]:
    """The settings of an analyst's query: what was given, if it is harmless, under the limits.

    Raises ``RefusedError`` for any other setting and for one that would lift a limit.
    """
    settings = {name: f"{limit:g}" if limit < 1 else str(int(limit)) for name, limit in limits.items()}
    for name, value in given.items():
        if name in limits:
            settings[name] = _within(name, value, limits[name])
        elif name == "readonly" and value in ("1", "2"):
            continue
        elif name not in _HARMLESS and (name in _REACHES_OUTSIDE or not name.startswith(_HARMLESS_PREFIXES)):
            raise RefusedError(READONLY, f"Cannot modify '{name}' setting in readonly mode")
        else:
            settings[name] = value
    return settings


def assignments(settings: Mapping[str, str]) -> str:
    """The statement that applies these. Raises ``RefusedError`` for what cannot be the name of a setting."""
    parts = []
    for name, value in settings.items():
        if not _NAME.fullmatch(name):
            raise RefusedError((115, "UNKNOWN_SETTING"), f"Unknown setting '{name}'")
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        parts.append(f"`{name}` = '{escaped}'")
    return f"SET {', '.join(parts)}"


def _within(name: str, value: str, limit: float) -> str:
    try:
        number = float(value)
    except ValueError:
        raise RefusedError((72, "CANNOT_PARSE_NUMBER"), f"Cannot parse the setting {name}: '{value}'") from None
    if not 0 < number <= limit:
        raise RefusedError(SETTING_CONSTRAINT_VIOLATION, f"Setting {name} shouldn't be greater than {limit:g}")
    return value
