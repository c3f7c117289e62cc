import type { ArchitectureFault } from '../architecture.ts'

/* Faults of the order of threads: the thread of an earlier connection runs later (L10, W5). */

const awaitsInRead = `        connection.place.await_earlier();
        let image`
const awaitsInWrite = `                connection.place.await_earlier();
`

export const orderFaults: readonly ArchitectureFault[] = [
  {
    id: 'read-overtakes-closed-writes',
    kind: 'order',
    clauses: ['L10'],
    about:
      'The thread of a read answers before the thread of an earlier closed write has stored it.',
    changes: [{ file: 'proxy.rs', find: awaitsInRead, put: '        let image' }],
    finder: 'proxy-queued-writes-are-read',
  },
  {
    id: 'write-overtakes-closed-writes',
    kind: 'order',
    clauses: ['L10', 'W5', 'L5'],
    about: 'Writes are stored and forwarded in the order in which their threads end.',
    changes: [{ file: 'proxy.rs', find: awaitsInWrite, put: '' }],
    finder: 'proxy-queued-appends-keep-their-order',
  },
  {
    id: 'waits-for-the-last-close-only',
    kind: 'order',
    clauses: ['L10'],
    about:
      'A connection waits for the last of the closed ones only, as if that had waited as well.',
    changes: [
      {
        file: 'order.rs',
        find: 'closed.map(|(number, _)| *number).collect()',
        put: 'closed.last().map(|(number, _)| *number).into_iter().collect()',
      },
    ],
    finder: 'proxy-open-writes-that-end-in-a-stop-are-read',
  },
  {
    id: 'looks-at-closes-before-the-accept',
    kind: 'order',
    clauses: ['L10'],
    about:
      'The acceptor looks which connections are closed, and then waits in accept for the next one.',
    changes: [
      {
        file: 'door.rs',
        find: 'self.order.await_room(limit);',
        put: 'self.order.await_room(limit);\n            self.order.look();',
      },
      {
        file: 'order.rs',
        find: 'let before = closed_by_clients(&state.unsettled);',
        put: 'let before = std::mem::take(&mut state.before);',
      },
      { file: 'order.rs', find: '    last: u64,', put: '    last: u64,\n    before: Vec<u64>,' },
      {
        file: 'order.rs',
        find: '    /// Waits until fewer',
        put: `    pub fn look(&self) {
        let mut state = self.lock();
        state.before = closed_by_clients(&state.unsettled);
    }

    /// Waits until fewer`,
      },
    ],
    finder: 'proxy-open-writes-that-end-in-a-stop-are-read',
  },
  {
    id: 'settles-before-it-stores',
    kind: 'order',
    clauses: ['L10'],
    about: 'A write lets later connections go on when its bytes are read, and then stores them.',
    changes: [
      {
        file: 'proxy.rs',
        find: awaitsInWrite,
        put: `${awaitsInWrite}                connection.place.settle();\n`,
      },
    ],
    finder: 'proxy-open-writes-that-end-in-a-stop-are-read',
  },
  {
    id: 'versions-by-accept',
    kind: 'order',
    clauses: ['L10', 'L5'],
    about:
      'Instead of waiting, a write is dropped if one that was accepted later is stored already, ' +
      'although its client closed it last.',
    changes: [
      {
        file: 'proxy.rs',
        find: awaitsInWrite,
        put: `${awaitsInWrite}                let number = connection.place.number;
                let mut versions = self.versions.lock().unwrap();
                if mode == Mode::Write && *versions.get(&key).unwrap_or(&0) > number {
                    return;
                }
                versions.insert(key.clone(), number);
                drop(versions);
`,
      },
      {
        file: 'proxy.rs',
        find: '    images: Mutex<HashMap<Key, Image>>,',
        put: '    images: Mutex<HashMap<Key, Image>>,\n    versions: Mutex<HashMap<Key, u64>>,',
      },
      {
        file: 'proxy.rs',
        find: '        images: Mutex::default(),',
        put: '        images: Mutex::default(),\n        versions: Mutex::default(),',
      },
    ],
    finder: 'proxy-last-close-of-two-open-writes-is-read',
  },
  {
    id: 'queue-is-a-stack',
    kind: 'order',
    clauses: ['W5'],
    about: 'The queue of the link is a vector, from which the forwarding thread takes the last.',
    changes: [{ file: 'forward.rs', find: 'parcels.pop_front()', put: 'parcels.pop_back()' }],
    finder: 'proxy-queued-small-images-are-forwarded-in-order',
  },
  {
    id: 'thread-per-forwarded-image',
    kind: 'order',
    clauses: ['W5', 'E1a'],
    about: 'A thread of its own puts each image into the queue, so that no writer waits for it.',
    changes: [
      {
        file: 'proxy.rs',
        find: '        self.queue.push(Parcel { key, mode, image: image.clone() });',
        put: `        let (queue, image) = (self.queue.clone(), image.clone());
        thread::spawn(move || queue.push(Parcel { key, mode, image }));`,
      },
    ],
    finder: 'proxy-queued-small-images-are-forwarded-in-order',
  },
  {
    id: 'waits-for-open-writes',
    kind: 'order',
    clauses: ['L2', 'P1'],
    about: 'A read waits for all earlier writes, also for those that their clients have open.',
    changes: [
      {
        file: 'order.rs',
        find: '.filter(|(_, entry)| entry.is_ready())',
        put: '.filter(|(_, _)| true)',
      },
    ],
    finder: 'proxy-half-header-delays-nobody',
  },
  {
    id: 'append-in-three-steps',
    kind: 'order',
    clauses: ['L6', 'L10'],
    about:
      'An append copies the image, extends the copy and stores it, each under a lock of its own.',
    changes: [
      {
        file: 'proxy.rs',
        find: '        let mut images = self.lock();\n        let image =',
        put: `        if mode == Mode::Append {
            let mut whole = self.lock().get(&key.stored()).cloned().unwrap_or_default().to_vec();
            whole.extend_from_slice(&bytes);
            self.lock().insert(key.stored(), Arc::new(whole.clone()));
            return self.queue.push(Parcel { key, mode, image: Arc::new(whole) });
        }
        let mut images = self.lock();
        let image =`,
      },
    ],
    finder: 'proxy-appends-that-end-together',
  },
  {
    id: 'image-exists-when-opened',
    kind: 'order',
    clauses: ['L7', 'P1'],
    about: 'A write makes an empty image when it is opened, and fills it when it is closed.',
    changes: [
      {
        file: 'proxy.rs',
        find: '        match connection.image() {',
        put: `        if mode == Mode::Write {
            self.lock().insert(key.stored(), Image::default());
        }
        match connection.image() {`,
      },
    ],
    finder: 'proxy-old-version-until-complete',
  },
]
