import type { ArchitectureFault } from '../architecture.ts'

/* Faults of descriptors, threads, memory and files (R1 to R4). */

const accepts = `                Err(error) => {
                    log(format!("accepting a connection: {error}"));
                    self.order.await_change();
                }`
const limit = 'let limit = sys::descriptor_limit() * SHARE / 100;'

export const resourceFaults: readonly ArchitectureFault[] = [
  {
    id: 'connections-are-kept',
    kind: 'leak',
    clauses: ['R1'],
    about:
      'The sockets of all connections are kept in a list for the finish. Their ends are shut down, ' +
      'but their descriptors stay open.',
    changes: [
      {
        file: 'order.rs',
        find: '        state.unsettled.insert(number, stream.clone());',
        put: `        state.unsettled.insert(number, stream.clone());
        state.all.push(stream.clone());`,
      },
      {
        file: 'order.rs',
        find: '    last: u64,',
        put: '    last: u64,\n    all: Vec<Arc<UnixStream>>,',
      },
      {
        file: 'order.rs',
        find: '        self.settle();\n',
        put: `        self.settle();
        let state = self.order.lock();
        let _ = state.all[self.number as usize - 1].shutdown(std::net::Shutdown::Both);
        drop(state);
`,
      },
    ],
    finder: 'proxy-thousand-connections-give-back',
  },
  {
    id: 'refused-connections-are-forgotten',
    kind: 'leak',
    clauses: ['R1'],
    about: 'A connection that is refused is shut down, and its descriptor is never closed.',
    changes: [
      {
        file: 'proxy.rs',
        find: '            Err(reason) => return log(format!("refused a connection: {reason}")),',
        put: `            Err(reason) => {
                let _ = connection.stream.shutdown(Shutdown::Both);
                std::mem::forget(connection.stream.clone());
                return log(format!("refused a connection: {reason}"));
            }`,
      },
    ],
    finder: 'proxy-thousand-connections-give-back',
  },
  {
    id: 'old-versions-are-kept',
    kind: 'leak',
    clauses: ['R1'],
    about: 'The store keeps all versions of an image, as readers may still have the old ones.',
    changes: [
      {
        file: 'proxy.rs',
        find: '            *image = Arc::new(bytes);',
        put: '            self.old.lock().unwrap().push(std::mem::replace(image, Arc::new(bytes)));',
      },
      {
        file: 'proxy.rs',
        find: '    images: Mutex<HashMap<Key, Image>>,',
        put: '    images: Mutex<HashMap<Key, Image>>,\n    old: Mutex<Vec<Image>>,',
      },
      {
        file: 'proxy.rs',
        find: '        images: Mutex::default(),',
        put: '        images: Mutex::default(),\n        old: Mutex::default(),',
      },
    ],
    finder: 'proxy-replaced-images-give-back',
  },
  {
    id: 'silent-thread-per-connection',
    kind: 'leak',
    clauses: ['R1'],
    about:
      'A second thread of each connection watches for the finish, and stays when the connection ' +
      'has ended.',
    changes: [
      {
        file: 'door.rs',
        find: '        let place = self.order.enter(&stream);',
        put: `        let place = self.order.enter(&stream);
        let finish = self.finish.clone();
        thread::spawn(move || {
            sys::wait(&mut [sys::PollEntry::new(&finish.listener, sys::IN)], None);
        });`,
      },
    ],
    finder: 'proxy-thousand-connections-give-back',
  },
  {
    id: 'socket-is-left',
    kind: 'leak',
    clauses: ['R2'],
    about: 'The socket stays after the exit.',
    changes: [{ file: 'door.rs', find: '        let _ = fs::remove_file(&self.path);\n', put: '' }],
    finder: 'proxy-leaves-nothing',
  },
  {
    id: 'large-images-on-a-disk',
    kind: 'leak',
    clauses: ['R3'],
    about: 'A write of more than 1 MiB goes through a temporary file.',
    changes: [
      {
        file: 'connection.rs',
        find: '                Ok(count) => image.extend_from_slice(&buffer[..count]),',
        put: `                Ok(count) => {
                    image.extend_from_slice(&buffer[..count]);
                    if image.len() > 1 << 20 {
                        return self.spool(image);
                    }
                }`,
      },
      {
        file: 'connection.rs',
        find: '    /// Answers a read with an image',
        put: `    fn spool(&self, start: Vec<u8>) -> Result<Vec<u8>, String> {
        let name = format!("image-{}-{}", std::process::id(), self.place.number);
        let path = std::env::temp_dir().join(name);
        let mut file = std::fs::File::create(&path).map_err(reason)?;
        file.write_all(&start).map_err(reason)?;
        let mut buffer = [0; BUFFER];
        loop {
            match self.stream.as_ref().read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => file.write_all(&buffer[..count]).map_err(reason)?,
                Err(error) if is_transient(&error) => self.await_client(sys::IN)?,
                Err(error) => return Err(reason(error)),
            }
        }
        let image = std::fs::read(&path).map_err(reason)?;
        std::fs::remove_file(&path).map_err(reason)?;
        Ok(image)
    }

    /// Answers a read with an image`,
      },
    ],
    finder: 'proxy-image-stays-off-disks',
  },
  {
    id: 'full-table-drops-clients',
    kind: 'limit',
    clauses: ['R4', 'E1'],
    about:
      'When descriptors run out, the acceptor gives up a spare one, accepts the next connection ' +
      'with it, and closes it, so that it need not wait.',
    changes: [
      {
        file: 'door.rs',
        find: limit,
        put: `let limit = usize::MAX;
        let mut spare = UnixStream::pair().ok();`,
      },
      {
        file: 'door.rs',
        find: accepts,
        put: `                Err(_) => {
                    spare = None;
                    let _ = self.listener.accept();
                    spare = UnixStream::pair().ok();
                    let _ = &spare;
                }`,
      },
    ],
    finder: 'proxy-writers-beyond-the-limit-of-descriptors',
  },
  {
    id: 'full-table-ends-the-acceptor',
    kind: 'limit',
    clauses: ['R4', 'E1'],
    about: 'The acceptor gives up when descriptors run out, and the backlog waits for ever.',
    changes: [
      { file: 'door.rs', find: limit, put: 'let limit = usize::MAX;' },
      { file: 'door.rs', find: accepts, put: '                Err(_) => thread::park(),' },
    ],
    finder: 'proxy-writers-beyond-the-limit-of-descriptors',
  },
]
