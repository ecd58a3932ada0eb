"""The pipelines that are killed: sources, what stands between, sinks, and what must come out of them."""

import json

ROWS_OF_A_FILE = 500
KEYS = 7


def row(number):
  """Row `number` of every source: a second has 50 of them."""
  second, part = divmod(number, 50)
  minute, second = divmod(second, 60)
  return {'id': number, 'k': number % KEYS, 'v': number % 1000,
          'at': f'2026-01-01T{minute // 60:02}:{minute % 60:02}:{second:02}.{part * 20:03}Z'}


def lines(first, count):
  return ''.join(json.dumps(row(number)) + '\n' for number in range(first, first + count))


SCHEMA = {'id': 'integer', 'k': 'integer', 'v': 'integer', 'at': 'timestamp'}


def source(kind, port):
  if kind == 'file':
    return {'type': 'ReadFromJson', 'config': {'path': 'in.json', 'event_time': 'at', 'schema': SCHEMA}}
  times = {'event_time': 'at', 'watermark': {'out_of_orderness': '5s'}, 'schema': SCHEMA}
  if kind == 'watch':
    return {'type': 'ReadFromJson', 'config': {'path': 'in', 'watch': True, 'settle': '0s', **times}}
  if kind == 'tail':
    return {'type': 'ReadFromJson', 'config': {'path': 'log.json', 'tail': True, **times}}
  return {'type': 'ReadFromHttp', 'config': {'listen': f'127.0.0.1:{port}', 'path': '/', **times}}


def between(kind):
  """Steps from `read` to `last`."""
  if kind == 'map':
    return [{'name': 'last', 'type': 'MapToFields', 'input': 'read',
             'config': {'language': 'sql', 'fields': {'id': 'id', 'w': 'v * 2'}}}]
  if kind == 'windows':
    return [{'name': 'window', 'type': 'WindowInto', 'input': 'read',
             'config': {'windowing': {'type': 'fixed', 'size': '10s'}}},
            {'name': 'last', 'type': 'Combine', 'input': 'window',
             'config': {'group_by': 'k', 'combine': {'sum': {'value': 'v', 'fn': 'sum'},
                                                     'count': {'value': 'v', 'fn': 'count'}}}}]
  if kind == 'join':
    names = [{'key': key, 'name': f'name {key}'} for key in range(KEYS)]
    return [{'name': 'names', 'type': 'Create', 'config': {'elements': names}},
            {'name': 'last', 'type': 'Join', 'input': {'l': 'read', 'r': 'names'},
             'config': {'type': 'inner', 'equalities': [{'l': 'k', 'r': 'key'}],
                        'fields': {'l': ['id'], 'r': ['name']}}}]
  return [{'name': 'even', 'type': 'Filter', 'input': 'read', 'config': {'language': 'sql', 'keep': 'mod(id, 2) = 0'}},
          {'name': 'odd', 'type': 'Filter', 'input': 'read', 'config': {'language': 'sql', 'keep': 'mod(id, 2) = 1'}},
          {'name': 'half', 'type': 'MapToFields', 'input': 'even',
           'config': {'language': 'sql', 'fields': {'id': 'id', 'w': 'v'}}},
          {'name': 'twice', 'type': 'MapToFields', 'input': 'odd',
           'config': {'language': 'sql', 'fields': {'id': 'id', 'w': 'v * 2'}}},
          {'name': 'merged', 'type': 'Flatten', 'input': ['half', 'twice']},
          {'name': 'last', 'type': 'MapToFields', 'input': 'merged',
           'config': {'language': 'sql', 'fields': {'id': 'id', 'w': 'w + 1'}}}]


def sink(kind, endless, url):
  if kind == 'http':
    return {'name': 'write', 'type': 'WriteToHttp', 'input': 'last',
            'config': {'url': url, 'batch': {'max_records': 200, 'max_wait': '10ms'}}}
  config = {'path': 'out/'}
  if endless:
    config['roll'] = {'rows': 700, 'every': '200ms'}
  return {'name': 'write', 'input': 'last', 'config': config,
          'type': {'csv': 'WriteToCsv', 'json': 'WriteToJson', 'parquet': 'WriteToParquet'}[kind]}


def pipeline(source_kind, between_kind, sink_kind, port=0, url=''):
  endless = source_kind != 'file'
  steps = [{'name': 'read', **source(source_kind, port)}, *between(between_kind), sink(sink_kind, endless, url)]
  # What is read also goes to a folder of its own: it shows how far the run is, and must agree with the rest.
  steps.append({'name': 'ids', 'type': 'MapToFields', 'input': 'read',
                'config': {'language': 'sql', 'fields': {'id': 'id'}}})
  seen = {'path': 'seen/', **({'roll': {'every': '100ms'}} if endless else {})}
  steps.append({'name': 'seen', 'type': 'WriteToJson', 'input': 'ids', 'config': seen})
  return json.dumps({'pipeline': {'transforms': steps}}, indent=1)


def expected(between_kind, numbers):
  """The rows that come out for rows `numbers`, as sorted tuples of text."""
  out = []
  if between_kind == 'windows':
    groups = {}
    for number in numbers:
      group = groups.setdefault((number // 500, number % KEYS), [0, 0])
      group[0] += number % 1000
      group[1] += 1
    out = [(key, total, count) for (_, key), (total, count) in groups.items()]
  for number in numbers if between_kind != 'windows' else []:
    v = number % 1000
    if between_kind == 'map':
      out.append((number, v * 2))
    elif between_kind == 'join':
      out.append((number, f'name {number % KEYS}'))
    else:
      out.append((number, (v if number % 2 == 0 else v * 2) + 1))
  return sorted(tuple(str(value) for value in values) for values in out)
