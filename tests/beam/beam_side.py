"""Runs pipelines and tests under Beam's own runner, in this process. Sql, and Join and the sql language that Beam builds on
it, need a Java service that cannot be had here: DuckDB stands in for it, behind Beam's own interface."""

import collections
import datetime
import decimal
import logging
from unittest import mock

import apache_beam as beam
import duckdb
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.typehints import row_type
from apache_beam.typehints import schemas
from apache_beam.yaml import yaml_provider
from apache_beam.yaml import yaml_testing
from apache_beam.yaml import yaml_transform

import instrument

CAPTURED = collections.defaultdict(list)
logging.getLogger().setLevel(logging.ERROR)


def plain(value):
  """A Beam value as what JSON can say of it."""
  if hasattr(value, '_asdict'):
    return {k: plain(v) for k, v in value._asdict().items()}
  if isinstance(value, dict):
    return {str(k): plain(v) for k, v in value.items()}
  if isinstance(value, (list, tuple, set)):
    return [plain(v) for v in value]
  if isinstance(value, bytes):
    return value.decode('latin-1')
  if isinstance(value, decimal.Decimal):
    return str(value)
  if hasattr(value, 'item'):  # numpy
    return plain(value.item())
  if isinstance(value, beam.utils.timestamp.Timestamp):
    return value.to_rfc3339()
  if isinstance(value, (datetime.datetime, datetime.date)):
    return value.isoformat()
  return value


def record(element, key):
  CAPTURED[key].append(plain(element))
  return element


@beam.ptransform_fn
def capture_for_test(pcoll, key):
  return pcoll | beam.Map(record, key)


SQL_TYPES = {str: 'VARCHAR', int: 'BIGINT', float: 'DOUBLE', bool: 'BOOLEAN', bytes: 'BLOB'}
PYTHON_TYPES = {'VARCHAR': str, 'BIGINT': int, 'INTEGER': int, 'HUGEINT': int, 'DOUBLE': float, 'BOOLEAN': bool, 'BLOB': bytes}


def columns_of(pcoll):
  fields = dict(schemas.named_fields_from_element_type(pcoll.element_type))
  columns = {}
  for name, kind in fields.items():
    inner = [t for t in getattr(kind, '__args__', ()) if t is not type(None)]
    kind = inner[0] if len(inner) == 1 and type(None) in getattr(kind, '__args__', ()) else kind
    kind = {'int64': int, 'float64': float}.get(getattr(kind, '__name__', ''), kind)
    columns[name] = SQL_TYPES.get(kind, 'VARCHAR')
  return columns


def tables(connection, columns):
  for table, fields in columns.items():
    connection.execute(f'CREATE TABLE "{table}" (' + ', '.join(f'"{n}" {t}' for n, t in fields.items()) + ')')


def run_query(_, query, columns, **rows):
  connection = duckdb.connect()
  tables(connection, columns)
  for table, fields in columns.items():
    for row in rows[table]:
      values = [getattr(row, name) for name in fields]
      connection.execute(f'INSERT INTO "{table}" VALUES (' + ', '.join('?' * len(values)) + ')', values)
  result = connection.execute(query)
  names = [d[0] for d in result.description]
  for values in result.fetchall():
    yield beam.Row(**dict(zip(unique(names), values)))


def unique(names):
  """Calcite's names for columns that clash: k, k0, k1 …"""
  seen, out = set(), []
  for name in names:
    fresh, n = name, 0
    while fresh in seen:
      fresh, n = f'{name}{n}', n + 1
    seen.add(fresh)
    out.append(fresh)
  return out


class DuckDbSql(beam.PTransform):
  """Beam's Sql transform over collections of the global window."""

  def __init__(self, query):
    super().__init__()
    self._query = query.replace('`', '"')

  def expand(self, inputs):
    if isinstance(inputs, beam.PCollection):
      inputs = {'PCOLLECTION': inputs}
    columns = {alias: columns_of(pcoll) for alias, pcoll in inputs.items()}
    connection = duckdb.connect()
    tables(connection, columns)
    described = connection.execute('DESCRIBE ' + self._query).fetchall()
    kinds = [PYTHON_TYPES.get(row[1], str) for row in described]
    schema = row_type.RowTypeConstraint.from_fields([(n, k | None) for n, k in zip(unique([r[0] for r in described]), kinds)])
    sides = {alias: beam.pvalue.AsList(pcoll) for alias, pcoll in inputs.items()}
    pipeline = next(iter(inputs.values())).pipeline
    return (
        pipeline | beam.Create([None])
        | beam.FlatMap(run_query, self._query, columns, **sides).with_output_types(schema))


SQL = yaml_provider.InlineProvider({'Sql': DuckDbSql})


def with_sql(function):
  """Calls `function` while Beam takes DuckDbSql for every SQL that it would hand to Java."""
  with mock.patch.object(yaml_provider.SqlBackedProvider, 'sql_provider', lambda self: SQL):
    return function()


def run_pipeline(text):
  """Runs a pipeline's text; {capture key: rows}."""
  CAPTURED.clear()
  providers = yaml_provider.merge_providers(
      [yaml_provider.InlineProvider({instrument.CAPTURE: capture_for_test, 'Sql': DuckDbSql})])

  def run():
    pipeline = beam.Pipeline('FnApiRunner', options=PipelineOptions(pickle_library='cloudpickle'))
    yaml_transform.expand_pipeline(pipeline, text, providers)
    pipeline.run().wait_until_finish()

  with_sql(run)
  return dict(CAPTURED)


def run_test(spec, test):
  """Runs one entry of a file's `tests:`; raises when it fails."""
  options = PipelineOptions(['--runner=FnApiRunner'], pickle_library='cloudpickle')
  with_sql(lambda: yaml_testing.run_test(spec, test, options))
