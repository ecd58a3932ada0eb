"""ReadFromTcp: frames of both kinds, what is refused, and a client that is faster than the pipeline."""

import contextlib
import json
import socket
import struct

from harness import Pipeline, Server, free_port, read_rows, step, wait_for


def listener(port, **config):
  if config.get('format') != 'text':
    config.setdefault('schema', {'id': 'integer', 'name': 'string'})
  return step('ReadFromTcp', listen=f'127.0.0.1:{port}', **config)


def send(port, data):
  with socket.create_connection(('127.0.0.1', port)) as sock:
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)
    # The listener closes the connection when all of it is taken; one that waits to be accepted is not yet.
    with contextlib.suppress(ConnectionResetError):
      while sock.recv(4096):
        pass


def test_lines_and_lengths(folder):
  port = free_port()
  with Pipeline(folder, [listener(port), step('WriteToJson', path='out.json')], port=port):
    send(port, b'{"id":1,"name":"a"}\r\n\n{"id":2}\n{"id":3}')
  assert read_rows(folder) == [{'id': 1, 'name': 'a'}, {'id': 2, 'name': None}, {'id': 3, 'name': None}]
  port = free_port()
  with Pipeline(folder, [listener(port, framing='length'), step('WriteToJson', path='out.json')], port=port):
    send(port, b''.join(struct.pack('>I', len(frame)) + frame for frame in (b'{"id":4}', b'{\n "id":5\n}')))
  assert [row['id'] for row in read_rows(folder)] == [4, 5]


def test_text_keeps_its_bytes(folder):
  port = free_port()
  with Pipeline(folder, [listener(port, format='text', framing='length'), step('WriteToJson', path='out.json')], port=port):
    send(port, b''.join(struct.pack('>I', len(frame)) + frame for frame in (b'a\nb', b'', 'é'.encode())))
  assert [row['line'] for row in read_rows(folder)] == ['a\nb', '', 'é']


def test_bad_frames_go_to_errors(folder):
  port = free_port()
  with open(f'{folder}/p.yaml', 'w', encoding='utf-8') as file:
    read = listener(port, max_frame='100')
    read['config']['error_handling'] = {'output': 'errors'}
    json.dump({'pipeline': {'transforms': [
        {**read, 'name': 'Read'},
        {**step('WriteToJson', path='out.json'), 'input': 'Read'},
        {**step('WriteToJson', path='errors.json'), 'name': 'Bad', 'input': 'Read.errors'}]}}, file)
  with Pipeline(folder, None, port=port):
    send(port, b'{"id":1}\nno json\n{"id":"x"}\n{"id":2}\n')
    send(port, b'{"id":3}\n' + b'x' * 200 + b'\n{"id":4}\n')
  assert sorted(row['id'] for row in read_rows(folder)) == [1, 2, 3]
  messages = [row['msg'] for row in read_rows(folder, 'errors.json')]
  assert len(messages) == 3 and all('127.0.0.1:' in text for text in messages), messages
  assert any('a frame is longer than 100 bytes' in text for text in messages), messages


def test_a_fast_client_waits(folder):
  port, count = free_port(), 40_000
  with Server(lambda request: (200, {}, '')) as server:
    sink = step('WriteToHttp', url=server.url, batch={'max_records': 1000})
    with Pipeline(folder, [listener(port, max_queue='64KiB'), sink], port=port):
      send(port, b''.join(b'{"id":%d,"name":"%s"}\n' % (i, b'x' * 100) for i in range(count)))
      wait_for(lambda: sum(request.body.count(b'\n') for request in server.requests) >= count, 60, 'delivery')
    ids = [json.loads(line)['id'] for request in server.requests for line in request.body.splitlines()]
  assert ids == list(range(count)), f'{len(ids)} rows in order'
