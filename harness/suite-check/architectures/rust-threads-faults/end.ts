import type { ArchitectureFault } from '../architecture.ts'

/* Faults of the end of a proxy: the finish overtakes work that came before it (E1a, E1b). */

const finishes = 'Mode::Write if key.finishes_dump() => self.door.shut(),'

export const endFaults: readonly ArchitectureFault[] = [
  {
    id: 'finish-leaves-the-backlog',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about: 'The acceptor stops at the finish, and drops the connections that wait in the backlog.',
    changes: [
      {
        file: 'door.rs',
        find: '                Ok((stream, _)) => self.start(stream, &serve),',
        put: `                Ok((stream, _)) => {
                    let heard = sys::PollEntry::new(&self.finish.listener, sys::IN);
                    if sys::wait(&mut [heard], Some(std::time::Duration::ZERO)) {
                        break;
                    }
                    self.start(stream, &serve)
                }`,
      },
    ],
    finder: 'proxy-finish-after-sixty-writers',
  },
  {
    id: 'finish-joins-no-thread',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about: 'The proxy closes the link while threads still receive images.',
    changes: [{ file: 'proxy.rs', find: '    proxy.door.await_all();\n', put: '' }],
    finder: 'proxy-finish-while-a-write-goes-on',
  },
  {
    id: 'finish-drops-late-headers',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about:
      'After the finish a thread drops its connection when it reads the header, although its ' +
      'client had closed it before.',
    changes: [
      {
        file: 'proxy.rs',
        find: '        let Local { key, mode } = header;',
        put: `        let heard = PollEntry::new(&self.door.finish.listener, sys::IN);
        if sys::wait(&mut [heard], Some(std::time::Duration::ZERO)) {
            return log("the finish came before the header");
        }
        let Local { key, mode } = header;`,
      },
    ],
    finder: 'proxy-finish-after-the-rest-of-headers',
  },
  {
    id: 'finish-before-the-rest-of-a-header',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about:
      'A thread that has half a header looks at the finish first, and drops the connection, even ' +
      'if the other half and the image are there.',
    changes: [
      {
        file: 'connection.rs',
        find: 'match self.await_client_or_finish(sys::IN) {',
        put: `match self.await_client_or_finish(sys::IN)
            && !sys::wait(
                &mut [PollEntry::new(&self.finish.listener, sys::IN)],
                Some(Duration::ZERO),
            ) {`,
      },
    ],
    finder: 'proxy-finish-after-the-rest-of-headers',
  },
  {
    id: 'finish-ends-open-writes',
    kind: 'cut',
    clauses: ['E1a', 'W3', 'L5'],
    about:
      'The finish shuts the reading side of all connections to wake their threads, which take the ' +
      'end of the stream as the close of the client.',
    changes: [
      {
        file: 'door.rs',
        find: '        sys::stop_listening(&self.listener);',
        put: '        sys::stop_listening(&self.listener);\n        self.order.wake_all();',
      },
      {
        file: 'order.rs',
        find: '    /// Waits until fewer',
        put: `    pub fn wake_all(&self) {
        for stream in self.lock().unsettled.values() {
            let _ = stream.shutdown(std::net::Shutdown::Read);
        }
    }

    /// Waits until fewer`,
      },
    ],
    finder: 'proxy-finish-while-a-write-goes-on',
  },
  {
    id: 'finish-ends-the-queue',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about:
      'The finish ends the queue of the link at once. The forwarding thread ends when the queue is ' +
      'empty for a moment, and images of open writes stay in it.',
    changes: [
      {
        file: 'proxy.rs',
        find: finishes,
        put: `Mode::Write if key.finishes_dump() => {
                self.queue.close();
                self.door.shut()
            }`,
      },
    ],
    finder: 'proxy-finish-while-a-write-goes-on',
  },
  {
    id: 'finish-leaves-the-queue',
    kind: 'end overtakes',
    clauses: ['E1', 'E1a'],
    about: 'The proxy closes the link without waiting for the forwarding thread.',
    changes: [{ file: 'proxy.rs', find: '    let _ = forwarder.join();\n', put: '' }],
    finder: 'proxy-finish-while-images-queue',
  },
  {
    id: 'finish-counts-from-its-close',
    kind: 'stall',
    clauses: ['E1b', 'E1'],
    about: 'The finish counts when its client closes the connection.',
    changes: [
      {
        file: 'proxy.rs',
        find: finishes,
        put: `Mode::Write if key.finishes_dump() => {
                let _ = connection.image();
                self.door.shut()
            }`,
      },
    ],
    finder: 'proxy-finish-whose-client-stays',
  },
  {
    id: 'link-is-buffered',
    kind: 'stall',
    clauses: ['W5', 'E1', 'W4'],
    about: 'The link has a buffer that is flushed at its end only.',
    changes: [
      {
        file: 'forward.rs',
        find: '    while let Some(Parcel',
        put: '    let mut link = std::io::BufWriter::new(link);\n    while let Some(Parcel',
      },
      { file: 'forward.rs', find: 'mut link: &TcpStream', put: 'link: &TcpStream' },
    ],
    finder: 'proxy-forwards-an-image',
  },
  {
    id: 'exit-resets-readers',
    kind: 'cut',
    clauses: ['E1b', 'L7'],
    about: 'The proxy exits when all writes are stored, and resets the readers that it serves.',
    changes: [{ file: 'order.rs', find: 'state.open > 0', put: '!state.unsettled.is_empty()' }],
    finder: 'proxy-finish-does-not-cut-readers-of-any-size',
  },
  {
    id: 'exit-cuts-readers',
    kind: 'cut',
    clauses: ['E1b', 'L7'],
    about:
      'Threads read whole headers, and the proxy exits when all writes are stored: a reader that ' +
      'is served sees a clean close in the middle of its image.',
    changes: [
      { file: 'order.rs', find: 'state.open > 0', put: '!state.unsettled.is_empty()' },
      {
        file: 'proxy.rs',
        find: '        connection.place.settle();\n',
        put: `        connection.place.settle();
        let _ = std::io::Read::read(&mut connection.stream.as_ref(), &mut [0]);
`,
      },
    ],
    finder: 'proxy-finish-does-not-cut-readers-of-any-size',
  },
  {
    id: 'reader-holds-the-exit',
    kind: 'stall',
    clauses: ['E1b'],
    about: 'After the finish a thread waits for its reader for ever.',
    changes: [{ file: 'connection.rs', find: 'Some(SILENCE)', put: 'None' }],
    finder: 'proxy-finish-despite-a-reader-that-takes-nothing',
  },
  {
    id: 'short-patience',
    kind: 'cut',
    clauses: ['E1a', 'E1b', 'L7'],
    about: 'After the finish a client that does nothing for half a second is dropped.',
    changes: [
      { file: 'connection.rs', find: 'Duration::from_secs(10)', put: 'Duration::from_millis(500)' },
    ],
    finder: 'proxy-finish-does-not-cut-readers',
  },
]
