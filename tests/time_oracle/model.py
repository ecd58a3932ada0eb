"""Panes of windows, row by row: a second implementation of event time, as slow and as plain as can be.

It follows Beam's model (windows, triggers, accumulation, lateness, panes); the processing-time trigger counts from a
pane's first row. Times are whole seconds.
"""

import datetime
import zoneinfo

END_OF_TIME = 9223372036854.0


class Trigger:
  """A trigger of one cell. `now`: processing time; `passed`: the watermark has reached the window's end."""

  def __init__(self, spec):
    self.spec = spec
    self.reset()

  def reset(self):
    spec = self.spec
    self.count, self.deadline, self.phase, self.part = 0, None, 0, 0
    self.early = self.late = None
    self.parts = []
    if isinstance(spec, dict):
      if 'early' in spec or 'late' in spec:
        self.early = Trigger(self.firing(spec['early'])) if 'early' in spec else None
        self.late = Trigger(self.firing(spec['late'])) if 'late' in spec else None
      for key in ('any', 'all', 'each'):
        if key in spec:
          self.parts = [Trigger(p) for p in spec[key]]
      if 'repeat' in spec:
        self.parts = [Trigger(spec['repeat'])]

  @staticmethod
  def firing(spec):
    return {'after_count': spec['count']} if 'count' in spec else {'processing_time': spec['every']}

  def on_row(self, now):
    spec = self.spec
    if spec == 'default':
      return
    if 'after_count' in spec:
      self.count += 1
    elif 'processing_time' in spec:
      if self.deadline is None:
        self.deadline = now + spec['processing_time']
    elif 'early' in spec or 'late' in spec:
      below = self.late if self.phase else self.early
      if below:
        below.on_row(now)
    elif 'each' in spec:
      self.parts[self.part].on_row(now)
    else:
      for part in self.parts:
        part.on_row(now)

  def fires(self, now, passed, fresh):
    spec = self.spec
    if spec == 'default':
      return passed and fresh
    if 'after_count' in spec:
      return self.count >= spec['after_count']
    if 'processing_time' in spec:
      return self.deadline is not None and now >= self.deadline
    if 'early' in spec or 'late' in spec:
      if self.phase == 0:
        return passed or (self.early is not None and self.early.fires(now, passed, fresh))
      return self.late is not None and self.late.fires(now, passed, fresh)
    if 'each' in spec:
      return self.parts[self.part].fires(now, passed, fresh)
    if 'all' in spec:
      return all(p.fires(now, passed, fresh) for p in self.parts)
    return any(p.fires(now, passed, fresh) for p in self.parts)

  def fire(self, passed):
    """A pane is given. True: the last one."""
    spec = self.spec
    if spec == 'default':
      return False
    if 'early' in spec or 'late' in spec:
      if self.phase == 0:
        if self.early:
          self.early.reset()
        if not passed:
          return False
        self.phase = 1
        return self.late is None
      self.late.reset()
      return False
    if 'each' in spec:
      if self.parts[self.part].fire(passed):
        self.part += 1
      return self.part == len(self.parts)
    if 'repeat' in spec:
      if self.parts[0].fire(passed):
        self.parts[0].reset()
      return False
    return True


class Cell:
  """One key in one window."""

  def __init__(self, key, window, trigger):
    self.key, self.window, self.trigger = key, window, Trigger(trigger)
    self.rows, self.fresh, self.finished, self.passed, self.index, self.said = [], False, False, False, 0, None


def day_of(at, zone):
  """The day of a time zone that a time is in."""
  day = datetime.datetime.fromtimestamp(at, zone).replace(hour=0, minute=0, second=0)
  # The local day after, not 24 hours later.
  after = datetime.datetime.combine(day.date() + datetime.timedelta(days=1), datetime.time(), zone)
  return (int(day.timestamp()), int(after.timestamp()))


class Model:
  """Sum and count of `amount` by key."""

  def __init__(self, windowing):
    if windowing['type'] == 'count':
      windowing = {'type': 'global', 'trigger': {'repeat': {'after_count': windowing['size']}}}
    self.windowing = windowing
    self.lateness = windowing.get('allowed_lateness', 0)
    self.mode = windowing.get('accumulation', 'discarding')
    self.trigger = windowing.get('trigger', 'default')
    self.watermark, self.now = -END_OF_TIME, 0
    self.cells, self.out, self.late = [], [], []

  def windows(self, at):
    w, kind = self.windowing, self.windowing['type']
    if kind == 'global':
      return [(-END_OF_TIME, END_OF_TIME - 86400)]
    if kind == 'sessions':
      return [(at, at + w['gap'])]
    if 'timezone' in w:
      return [day_of(at, zoneinfo.ZoneInfo(w['timezone']))]
    period = w.get('period', w['size'])
    start, found = at - at % period, []
    while start > at - w['size']:
      found.append((start, start + w['size']))
      start -= period
    return found

  def input(self, key, at, amount):
    for window in self.windows(at):
      cell = self.cell_of(key, window)
      if cell is None or cell.finished:
        end = (cell.window if cell else window)[1]
        self.late.append((key, at, amount, end, self.watermark - end if self.watermark >= end else None))
        continue
      cell.rows.append((at, amount))
      cell.fresh = True
      cell.trigger.on_row(self.now)
      if cell.trigger.fires(self.now, cell.passed, True):
        self.give(cell, 'late' if cell.passed else 'early', False, True)

  def cell_of(self, key, window):
    if self.windowing['type'] == 'sessions':
      return self.session_of(key, window)
    if window[1] + self.lateness <= self.watermark:
      return None
    for cell in self.cells:
      if cell.key == key and cell.window == window:
        return cell
    return self.new_cell(key, window)

  def new_cell(self, key, window):
    cell = Cell(key, window, self.trigger)
    cell.passed = window[1] <= self.watermark
    self.cells.append(cell)
    return cell

  def session_of(self, key, window):
    touching = [c for c in self.cells if c.key == key and c.window[0] < window[1] and window[0] < c.window[1]]
    if not touching:
      return None if window[1] + self.lateness <= self.watermark else self.new_cell(key, window)
    assert len(touching) == 1, 'the cases of this model merge no two sessions'
    cell = touching[0]
    cell.window = (min(cell.window[0], window[0]), max(cell.window[1], window[1]))
    if cell.passed and cell.window[1] > self.watermark:
      cell.passed = False
      if isinstance(self.trigger, dict) and ('early' in self.trigger or 'late' in self.trigger):
        cell.trigger.reset()
    return cell

  def set_watermark(self, at):
    self.watermark = at
    for cell in list(self.cells):
      end = cell.window[1]
      expired = end + self.lateness <= at
      if not cell.passed and end <= at:
        cell.passed = True
        fires = not cell.finished and cell.trigger.fires(self.now, True, cell.fresh)
        if fires or (expired and cell.fresh and not cell.finished):
          self.give(cell, 'on_time', expired, fires)
      elif expired and cell.fresh and not cell.finished:
        self.give(cell, 'late', True, False)
      if expired:
        self.cells.remove(cell)

  def advance(self, seconds):
    self.now += seconds
    for cell in list(self.cells):
      if not cell.finished and cell.trigger.fires(self.now, cell.passed, cell.fresh):
        self.give(cell, 'late' if cell.passed else 'early', False, True)

  def give(self, cell, timing, last, fires):
    if fires and cell.trigger.fire(cell.passed):
      cell.finished = True
    last = last or cell.finished
    pane = {'timing': timing, 'index': cell.index, 'is_first': cell.index == 0, 'is_last': last}
    row = {'k': cell.key, 'n': len(cell.rows)}
    if cell.rows:
      row['total'] = sum(amount for _, amount in cell.rows)
    if self.mode == 'retracting' and cell.said is not None:
      self.out.append({'row': cell.said[0], 'window': cell.said[1], 'pane': pane, 'weight': -1})
    shown = {'row': row, 'pane': pane, 'window': cell.window}
    if self.mode == 'retracting':
      shown['weight'] = 1
      cell.said = (row, cell.window)
    self.out.append(shown)
    cell.index += 1
    cell.fresh = False
    if self.mode == 'discarding' or cell.finished:
      cell.rows = []

  def take(self):
    """What came since the last call."""
    out, self.out = self.out, []
    late, self.late = self.late, []
    return out, late
