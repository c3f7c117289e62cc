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
    finder: 'proxy-older-finish-after-writes-in-the-backlog',
  },
  {
    id: 'finish-joins-no-thread',
    kind: 'end overtakes',
    clauses: ['E1a'],
    about: 'The proxy closes the link while threads still receive images.',
    changes: [{ file: 'proxy.rs', find: '    proxy.door.await_all();\n', put: '' }],
    finder: 'proxy-older-finish-after-writes-half-received',
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
    finder: 'proxy-older-finish-after-writes-with-unread-headers',
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
    finder: 'proxy-finish-after-queued-headers',
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
    finder: 'proxy-finish-header-around-writes',
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
    finder: 'proxy-finish-does-not-cut-a-slow-reader',
  },
  {
    id: 'slow-reader-is-stalled',
    kind: 'cut',
    clauses: ['E1b', 'L7'],
    about:
      'After the finish a thread counts the seconds for the whole image, and resets a reader that ' +
      'is slow but takes bytes all the time.',
    changes: [
      {
        file: 'connection.rs',
        find: '            if sys::wait(&mut entries, Some(SILENCE)) {',
        put: `            let started = self.silent_since.get_or_init(std::time::Instant::now);
            if started.elapsed() > Duration::from_secs(2) {
                return Err("the client is slow".into());
            }
            if sys::wait(&mut entries, Some(SILENCE)) {`,
      },
      {
        file: 'connection.rs',
        find: '    finish: Arc<Finish>,\n}',
        put: '    finish: Arc<Finish>,\n    silent_since: std::sync::OnceLock<std::time::Instant>,\n}',
      },
      {
        file: 'connection.rs',
        find: 'Connection { stream, place, finish }',
        put: 'Connection { stream, place, finish, silent_since: Default::default() }',
      },
    ],
    finder: 'proxy-finish-does-not-cut-a-slow-reader',
  },
  {
    id: 'link-is-not-watched',
    kind: 'link',
    clauses: ['E4'],
    about: 'The proxy notices a lost link only when it forwards the next image.',
    changes: [{ file: 'proxy.rs', find: '    watch_link(&proxy, &link);\n', put: '' }],
    finder: 'proxy-cache-dies-between-images',
  },
]
