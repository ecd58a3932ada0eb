"""Multisets of rows, compared as the documentation of differences says: 1 == 1.0, a null field is an absent one."""

import json
import math


def normal(value):
  """A form in which equal values are equal: numbers as floats where exact, nulls dropped, keys sorted."""
  if isinstance(value, dict):
    return {k: normal(v) for k, v in sorted(value.items()) if v is not None}
  if isinstance(value, (list, tuple)):
    return [normal(v) for v in value]
  if isinstance(value, bool) or value is None or isinstance(value, str):
    return value
  if isinstance(value, float):
    if math.isnan(value):
      return 'NaN'
    if value.is_integer() and abs(value) < 2**53:
      return int(value)
    return float(f'{value:.12g}')
  return value


def texts(rows):
  return sorted(json.dumps(normal(row), sort_keys=True, ensure_ascii=False, default=str) for row in rows)


def difference(expected, actual, limit=5):
  """Lines that say what is missing and what is extra; empty when the multisets are equal."""
  want, have = texts(expected), texts(actual)
  missing, extra = [], []
  i = j = 0
  while i < len(want) or j < len(have):
    if j == len(have) or (i < len(want) and want[i] < have[j]):
      missing.append(want[i])
      i += 1
    elif i == len(want) or have[j] < want[i]:
      extra.append(have[j])
      j += 1
    else:
      i, j = i + 1, j + 1
  lines = []
  for what, rows in (('missing', missing), ('extra', extra)):
    lines += [f'{what}: {row}' for row in rows[:limit]]
    if len(rows) > limit:
      lines.append(f'{what}: … {len(rows) - limit} more')
  return lines
