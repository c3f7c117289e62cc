import type { ArchitectureFault } from '../architecture.ts'

/* Faults of the cache: its waiters, its link and its end. */

const chooses = `        let outcome = match link::choose(listener) {
            Ok((stream, first)) => link::receive(stream, first, |key, image| self.take(key, image)),
            Err(error) => Err(error.to_string()),
        };`
const keeps = `        self.lock().images.insert(key.stored(), image);
        self.changed.notify_all();`
const isDone = 'state.is_restored && state.has_link_ended'

export const cacheFaults: readonly ArchitectureFault[] = [
  {
    id: 'one-waiter-is-woken',
    kind: 'lost wakeup',
    clauses: ['C2', 'L3'],
    about: 'An image that comes wakes one of the waiting threads, which may wait for another one.',
    changes: [{ file: 'cache.rs', find: keeps, put: keeps.replace('notify_all', 'notify_one') }],
    finder: 'cache-waiters-are-answered-as-images-arrive',
  },
  {
    id: 'waits-after-an-old-look',
    kind: 'lost wakeup',
    clauses: ['C2', 'C1', 'L3'],
    about:
      'A thread looks for its image, gives the lock back, logs, asks to watch its client, and ' +
      'waits: an image that came in between wakes nobody.',
    changes: [
      {
        file: 'cache.rs',
        find: `                if let Err(error) = self.watch.add(&connection.stream, number) {
                    log(format!("watching a client: {error}"));
                }`,
        put: `                drop(state);
                log(format!("a client waits for {key}"));
                if let Err(error) = self.watch.add(&connection.stream, number) {
                    log(format!("watching a client: {error}"));
                }
                state = self.lock();`,
      },
    ],
    finder: 'cache-200-waiters-of-one-image',
  },
  {
    id: 'late-waiter-is-not-answered',
    kind: 'waiters',
    clauses: ['C3', 'L3'],
    about:
      'A read of a missing image after the end of the link waits for a wakeup that was before.',
    changes: [
      {
        file: 'cache.rs',
        find: '            if image.is_some() || state.has_link_ended {',
        put: '            if image.is_some() || is_watched && state.has_link_ended {',
      },
    ],
    finder: 'cache-missing-after-the-close',
  },
  {
    id: 'end-overtakes-the-last-image',
    kind: 'end overtakes',
    clauses: ['C2', 'W6', 'C3', 'C1'],
    about:
      'A second thread stores the images of the link, and the first marks the end of the link ' +
      'while images are on their way to it.',
    changes: [
      {
        file: 'cache.rs',
        find: chooses,
        put: `        let (sender, images) = std::sync::mpsc::channel();
        let storing = self.myself.get().unwrap().clone();
        thread::spawn(move || images.iter().for_each(|(key, image)| storing.take(key, image)));
        let outcome = match link::choose(listener) {
            Ok((stream, first)) => link::receive(stream, first, |key, image| {
                let _ = sender.send((key, image));
            }),
            Err(error) => Err(error.to_string()),
        };`,
      },
      {
        file: 'cache.rs',
        find: '    changed: Condvar,\n',
        put: '    changed: Condvar,\n    myself: std::sync::OnceLock<Arc<Cache>>,\n',
      },
      {
        file: 'cache.rs',
        find: '        changed: Condvar::new(),\n    });',
        put: `        changed: Condvar::new(),
        myself: Default::default(),
    });
    let _ = cache.myself.set(cache.clone());`,
      },
    ],
    finder: 'cache-last-of-many-images-before-the-end',
  },
  {
    id: 'waiters-that-left-stay',
    kind: 'leak',
    clauses: ['R1'],
    about: 'A thread that waits for an image does not notice that its client has left.',
    changes: [
      {
        file: 'cache.rs',
        find: '        if self.lock().waiting.remove(&number) {\n            self.changed.notify_all();\n        }',
        put: '        self.lock().waiting.remove(&number);',
      },
    ],
    finder: 'cache-waiters-that-leave-give-back',
  },
  {
    id: 'stop-ends-the-watch',
    kind: 'system calls',
    clauses: ['R1'],
    about:
      'The thread that watches waiting clients ends when a stop of the process interrupts its call.',
    changes: [
      {
        file: 'sys.rs',
        find: '                _ if Error::last_os_error().kind() == ErrorKind::Interrupted => {}\n',
        put: '',
      },
    ],
    finder: 'cache-waiters-that-leave-after-a-stop-give-back',
  },
  {
    id: 'no-proxy-is-the-end',
    kind: 'end overtakes',
    clauses: ['E2', 'C4'],
    about: 'A cache whose restore is finished exits if no proxy has connected yet.',
    changes: [
      {
        file: 'cache.rs',
        find: '    has_link_ended: bool,\n',
        put: '    has_link_ended: bool,\n    is_linked: bool,\n',
      },
      {
        file: 'cache.rs',
        find: 'Ok((stream, first)) => link::receive(stream, first, |key, image| self.take(key, image)),',
        put: `Ok((stream, first)) => {
                self.lock().is_linked = true;
                link::receive(stream, first, |key, image| self.take(key, image))
            }`,
      },
      {
        file: 'cache.rs',
        find: isDone,
        put: 'state.is_restored && (state.has_link_ended || !state.is_linked)',
      },
    ],
    finder: 'cache-finish-without-a-proxy',
  },
  {
    id: 'restore-finish-ends-the-link',
    kind: 'end overtakes',
    clauses: ['E2'],
    about: 'The cache exits at the finish of the restore, while the proxy still sends.',
    changes: [{ file: 'cache.rs', find: isDone, put: 'state.is_restored' }],
    finder: 'cache-finish-before-the-close',
  },
  {
    id: 'cache-exit-cuts-readers',
    kind: 'cut',
    clauses: ['E1b', 'L7'],
    about:
      'Threads read whole headers, and the cache exits without waiting for them: a reader sees a ' +
      'clean close in the middle of its image.',
    changes: [
      { file: 'cache.rs', find: '    cache.door.await_all();\n', put: '' },
      {
        file: 'cache.rs',
        find: '            Wait::Answered(image) => connection.answer(key, image),',
        put: `            Wait::Answered(image) => {
                let _ = std::io::Read::read(&mut connection.stream.as_ref(), &mut [0]);
                connection.answer(key, image)
            }`,
      },
    ],
    finder: 'cache-finish-does-not-cut-readers-of-any-size',
  },
  {
    id: 'cache-exit-resets-readers',
    kind: 'cut',
    clauses: ['E1b', 'L7', 'C3'],
    about: 'The cache exits without waiting for the threads of its readers.',
    changes: [{ file: 'cache.rs', find: '    cache.door.await_all();\n', put: '' }],
    finder: 'cache-finish-does-not-cut-readers-of-any-size',
  },
  {
    id: 'next-link-after-the-end',
    kind: 'link',
    clauses: ['W9'],
    about: 'After the end of the link the cache takes the next connection to its port as a link.',
    changes: [
      {
        file: 'cache.rs',
        find: '        self.changed.notify_all();\n        self.shut_if_done(&state);\n',
        put: `        self.changed.notify_all();
        self.shut_if_done(&state);
        drop(state);
        self.receive(again);
`,
      },
      {
        file: 'cache.rs',
        find: chooses,
        put: `        let again = listener.try_clone().unwrap();\n${chooses}`,
      },
    ],
    finder: 'cache-connection-after-the-link',
  },
  {
    id: 'thread-per-link',
    kind: 'link',
    clauses: ['W9', 'W1'],
    about: 'Each connection to the port has a thread that stores its images.',
    changes: [
      {
        file: 'cache.rs',
        find: chooses,
        put: `        let again = listener.try_clone().unwrap();
        let chosen = link::choose(listener);
        let other = self.myself.get().unwrap().clone();
        thread::spawn(move || {
            while let Ok((stream, first)) = link::choose(again.try_clone().unwrap()) {
                let other = other.clone();
                thread::spawn(move || {
                    let _ = link::receive(stream, first, |key, image| other.take(key, image));
                });
            }
        });
        let outcome = match chosen {
            Ok((stream, first)) => link::receive(stream, first, |key, image| self.take(key, image)),
            Err(error) => Err(error.to_string()),
        };`,
      },
      {
        file: 'cache.rs',
        find: '    changed: Condvar,\n',
        put: '    changed: Condvar,\n    myself: std::sync::OnceLock<Arc<Cache>>,\n',
      },
      {
        file: 'cache.rs',
        find: '        changed: Condvar::new(),\n    });',
        put: `        changed: Condvar::new(),
        myself: Default::default(),
    });
    let _ = cache.myself.set(cache.clone());`,
      },
    ],
    finder: 'cache-second-connection-after-a-lost-link',
  },
  {
    id: 'cut-image-is-served',
    kind: 'cut',
    clauses: ['W7'],
    about: 'The receiver takes the end of the link as the end of its image.',
    changes: [{ file: 'link.rs', find: 'if (image.len() as u64) < size {', put: 'if false {' }],
    finder: 'cache-waiters-of-a-cut-image',
  },
  {
    id: 'size-of-32-bits',
    kind: 'frames',
    clauses: ['F5'],
    about: 'The receiver counts the bytes of an image in 32 bits.',
    changes: [
      {
        file: 'link.rs',
        find: 'let Remote { key, size } = header;',
        put: 'let Remote { key, size } = header;\n        let size = u64::from(size as u32);',
      },
    ],
    finder: 'cache-size-over-4-gib-is-not-cut',
  },
  {
    id: 'image-is-stored-when-announced',
    kind: 'cut',
    clauses: ['L7', 'W7', 'C2'],
    about: 'The image is in the store from its header on, and a reader gets the bytes so far.',
    changes: [
      {
        file: 'link.rs',
        find: '        let mut image = Vec::new();',
        put: `        let mut image = Vec::new();
        let start = (size as usize).min(stream.buffer().len());
        take(Key { ..key.clone() }, Arc::new(stream.buffer()[..start].to_vec()));`,
      },
    ],
    finder: 'cache-header-apart-from-its-bytes',
  },
]
