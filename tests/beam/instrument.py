"""Rewrites a pipeline so that what every step gives is written somewhere: the same graph for Beam and for Weir."""

import copy

CAPTURE = 'CaptureForTest'  # for Beam; Weir writes with WriteToJson


class Captures:
  """Names of the collections that an instrumented pipeline writes."""

  def __init__(self):
    self.keys = []
    self.error_keys = set()  # {element, msg, stack}: only the element is comparable

  def add(self, name, is_error=False):
    key = f'c{len(self.keys):03d}'
    self.keys.append((key, name))
    if is_error:
      self.error_keys.add(key)
    return key


def steps_of(scope):
  """All step mappings of a composite or chain, in order."""
  first = [scope['source']] if 'source' in scope else []
  last = [scope['sink']] if 'sink' in scope else []
  return first + list(scope.get('transforms') or []) + last + list(scope.get('extra_transforms') or [])


def is_scope(step):
  return step['type'] in ('composite', 'chain')


def outputs_of(step):
  """(suffix, is_error) of every output of a leaf step that has rows."""
  config = step.get('config') or {}
  error = (config.get('error_handling') or {}).get('output')
  errors = [('.' + error, True)] if error else []
  if step['type'] == 'Partition':
    names = list(config.get('outputs') or [])
    if 'unknown_output' in config:
      names.append(config['unknown_output'])
    return [('.' + name, False) for name in names] + errors
  if step['type'].startswith('WriteTo') or step['type'] in ('AssertEqual', 'LogForTesting'):
    return []
  return [('', False)] + errors


def instrument(spec, folder):
  """(specification for Beam, for Weir, Captures). Writes of the pipeline itself go below `folder`."""
  spec = copy.deepcopy(spec)
  if isinstance(spec['pipeline'], list):
    spec['pipeline'] = {'transforms': spec['pipeline']}
  captures = Captures()
  added = []
  _instrument_scope(spec['pipeline'], folder, captures, added, '')
  beam = copy.deepcopy(spec)
  for step in added:  # these are in `spec` itself
    step['type'] = 'WriteToJson'
    step['config'] = {'path': f'{folder}/{step["config"]["key"]}.json'}
  return beam, spec, captures


def _instrument_scope(scope, folder, captures, added, prefix):
  steps = steps_of(scope)
  types = [step['type'] for step in steps]
  new = []
  for index, step in enumerate(steps):
    if 'name' not in step:
      step['name'] = step['type'] if types.count(step['type']) == 1 else f'{step["type"]} {index}'
    name = step['name']
    if is_scope(step):
      _instrument_scope(step, folder, captures, added, prefix + name + '/')
      continue
    config = step.setdefault('config', {}) or {}
    if step['type'].startswith('WriteTo') and 'path' in config:
      config['path'] = f'{folder}/out-{index}-{step["type"]}'
    for suffix, is_error in outputs_of(step):
      key = captures.add(prefix + name + suffix, is_error)
      new.append({'type': CAPTURE, 'name': f'capture {key}', 'input': name + suffix, 'config': {'key': key}})
  place = 'extra_transforms' if scope.get('type') == 'chain' else 'transforms'
  scope[place] = list(scope.get(place) or []) + new
  added.extend(new)


def without_python(spec):
  """A copy without `language: python`: what is left is our generic language, which reads most of what people write."""
  if isinstance(spec, dict):
    return {k: without_python(v) for k, v in spec.items() if not (k == 'language' and v == 'python')}
  if isinstance(spec, list):
    return [without_python(v) for v in spec]
  return spec
