import type { ArchitectureFault } from '../architecture.ts'

/* Faults of readers, of slow clients and of frames at the proxy. */

export const readerFaults: readonly ArchitectureFault[] = [
  {
    id: 'readers-share-a-growing-vector',
    kind: 'cut',
    clauses: ['L7'],
    about: 'Threads share the vector of an image, and a reader sends as many bytes as it has now.',
    changes: [
      {
        file: 'image.rs',
        find: 'pub type Image = Arc<Vec<u8>>;',
        put: 'pub type Image = Arc<std::sync::RwLock<Vec<u8>>>;',
      },
      {
        file: 'proxy.rs',
        find: 'Arc::make_mut(image).extend_from_slice(&bytes);',
        put: 'image.write().unwrap().extend_from_slice(&bytes);',
      },
      {
        file: 'proxy.rs',
        find: '*image = Arc::new(bytes);',
        put: '*image = Arc::new(std::sync::RwLock::new(bytes));',
      },
      {
        file: 'forward.rs',
        find: '        link.write_all(&remote_frame(',
        put: '        let image = image.read().unwrap().clone();\n        link.write_all(&remote_frame(',
      },
      {
        file: 'link.rs',
        find: 'take(key, Arc::new(image));',
        put: 'take(key, Arc::new(std::sync::RwLock::new(image)));',
      },
      {
        file: 'connection.rs',
        find: `        let pieces = if key.is_list() { records(&image) } else { vec![image.as_slice()] };
        for piece in pieces {
            self.send(piece)?;
        }
`,
        put: `        if key.is_list() {
            let list = image.read().unwrap().clone();
            for record in records(&list) {
                self.send(record)?;
            }
            return self.end_cleanly();
        }
        let mut sent = 0;
        while sent < image.read().unwrap().len() {
            let piece: Vec<u8> =
                image.read().unwrap().iter().skip(sent).take(PIECE).copied().collect();
            self.send(&piece)?;
            sent += piece.len();
        }
`,
      },
    ],
    finder: 'proxy-reader-of-a-growing-image',
  },
  {
    id: 'reader-looks-up-each-piece',
    kind: 'cut',
    clauses: ['L7'],
    about: 'A reader looks its image up again for each piece, and goes on in a later version.',
    changes: [
      {
        file: 'proxy.rs',
        find: '        if let Err(reason) = connection.answer(key, image) {',
        put: `        if image.is_some() && !key.is_list() {
            let _ = connection.send(&crate::header::reply_frame(0));
            let mut sent = 0;
            loop {
                let image = self.lock().get(&key.stored()).cloned().unwrap_or_default();
                let rest = image.get(sent..).unwrap_or_default();
                if rest.is_empty() {
                    let _ = connection.end_cleanly();
                    return;
                }
                let piece = &rest[..rest.len().min(64 << 10)];
                if connection.send(piece).is_err() {
                    return;
                }
                sent += piece.len();
            }
        }
        if let Err(reason) = connection.answer(key, image) {`,
      },
      { file: 'connection.rs', find: '    fn send(', put: '    pub fn send(' },
      { file: 'connection.rs', find: '    fn end_cleanly(', put: '    pub fn end_cleanly(' },
    ],
    finder: 'proxy-reader-of-a-shrinking-image',
  },
  {
    id: 'one-write-is-enough',
    kind: 'system calls',
    clauses: ['L3', 'L7'],
    about: 'A thread takes it that one write(2) sends the whole image.',
    changes: [
      {
        file: 'connection.rs',
        find: 'Ok(count) => rest = &rest[count..],',
        put: 'Ok(_) => return Ok(()),',
      },
      {
        file: 'connection.rs',
        find: '.write(&rest[..rest.len().min(PIECE)])',
        put: '.write(rest)',
      },
    ],
    finder: 'proxy-read-back-sizes',
  },
  {
    id: 'timeout-is-the-end',
    kind: 'system calls',
    clauses: ['L5', 'W3'],
    about:
      'A thread waits a second for bytes of a write, and takes the timeout, an EAGAIN, as the close.',
    changes: [
      {
        file: 'connection.rs',
        find: 'Err(error) if is_transient(&error) => self.await_client(sys::IN)?,',
        put: `Err(error) if is_transient(&error) => {
                    let client = PollEntry::new(self.stream.as_ref(), sys::IN);
                    if !sys::wait(&mut [client], Some(Duration::from_secs(1))) {
                        return Ok(image);
                    }
                }`,
      },
    ],
    finder: 'proxy-writer-that-pauses',
  },
  {
    id: 'no-bytes-yet-is-the-end',
    kind: 'system calls',
    clauses: ['L5', 'W3', 'W4'],
    about: 'A thread takes EAGAIN as the close of a write.',
    changes: [
      {
        file: 'connection.rs',
        find: 'Err(error) if is_transient(&error) => self.await_client(sys::IN)?,',
        put: 'Err(error) if is_transient(&error) => return Ok(image),',
      },
    ],
    finder: 'proxy-write-in-many-pieces',
  },
  {
    id: 'lock-held-for-a-reader',
    kind: 'stall',
    clauses: ['L2', 'L8', 'P1', 'R4'],
    about: 'The thread of a read holds the lock of the store until the reader has taken all bytes.',
    changes: [
      {
        file: 'proxy.rs',
        find: `        let image = self.lock().get(&key.stored()).cloned();
        if let`,
        put: `        let images = self.lock();
        let image = images.get(&key.stored()).cloned();
        if let`,
      },
    ],
    finder: 'proxy-slow-reader-delays-nobody',
  },
  {
    id: 'sixty-four-threads',
    kind: 'stall',
    clauses: ['L2'],
    about: 'Sixty-four threads serve all connections; further ones wait until one ends.',
    changes: [
      {
        file: 'door.rs',
        find: 'let limit = sys::descriptor_limit() * SHARE / 100;',
        put: 'let limit = 64;',
      },
    ],
    finder: 'proxy-thousand-connections',
  },
  {
    id: 'acceptor-waits-for-a-byte',
    kind: 'stall',
    clauses: ['L2'],
    about: 'The acceptor starts a thread when the first byte comes, and waits for it.',
    changes: [
      {
        file: 'door.rs',
        find: '        let stream = Arc::new(stream);',
        put: `        sys::wait(&mut [sys::PollEntry::new(&stream, sys::IN)], None);
        let stream = Arc::new(stream);`,
      },
    ],
    finder: 'proxy-half-header-delays-nobody',
  },
  {
    id: 'full-queue-holds-the-lock',
    kind: 'stall',
    clauses: ['R4', 'P1', 'L2'],
    about:
      'The queue takes 16 images. A writer waits for room while it holds the lock of the store, ' +
      'and readers wait for the lock.',
    changes: [
      {
        file: 'forward.rs',
        find: '        self.lock().parcels.push_back(parcel);\n',
        put: `        let mut state = self.lock();
        while state.parcels.len() == 16 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.parcels.push_back(parcel);
`,
      },
      {
        file: 'forward.rs',
        find: '                return Some(parcel);',
        put: '                self.changed.notify_all();\n                return Some(parcel);',
      },
    ],
    finder: 'proxy-takes-all-when-the-link-moves',
  },
  {
    id: 'groups-recurse',
    kind: 'frames',
    clauses: ['F6', 'E3'],
    about: 'Groups are skipped by recursion, and the stack of the thread of a connection is small.',
    changes: [
      {
        file: 'frame.rs',
        find: `                if groups.len() == DEPTH {
                    return Err(format!("groups nested deeper than {DEPTH}"));
                }
                groups.push(number);
                continue;`,
        put: `                skip_group(&mut rest, number)?;
                continue;`,
      },
      {
        file: 'frame.rs',
        find: '/// Appends a field with a number.',
        put: `fn skip_group(rest: &mut &[u8], group: u32) -> Result<(), String> {
    loop {
        let (number, wire_type) = tag(rest)?;
        match wire_type {
            0 => drop(varint(rest)?),
            1 => drop(skipped(rest, 8)?),
            2 => {
                let length = varint(rest)?;
                bytes(rest, length)?;
            }
            3 => skip_group(rest, number)?,
            4 if number == group => return Ok(()),
            5 => drop(skipped(rest, 4)?),
            _ => return Err(format!("wire type {wire_type} of field {number}")),
        }
    }
}

/// Appends a field with a number.`,
      },
    ],
    finder: 'proxy-deep-groups',
  },
  {
    id: 'panic-poisons-the-lock',
    kind: 'frames',
    clauses: ['F5', 'L2', 'F6'],
    about:
      'A message under the lock cuts a long name at its 64th byte, and panics if that is inside a ' +
      'letter. The lock is poisoned, and each later thread panics.',
    changes: [
      {
        file: 'proxy.rs',
        find: '        let image = images.entry(key.stored()).or_default();',
        put: `        log(format!("storing {}", &key.name[..key.name.len().min(64)]));
        let image = images.entry(key.stored()).or_default();`,
      },
      {
        file: 'proxy.rs',
        find: 'self.images.lock().unwrap_or_else(PoisonError::into_inner)',
        put: 'self.images.lock().unwrap()',
      },
    ],
    finder: 'proxy-longest-names',
  },
  {
    id: 'list-in-pieces-of-a-buffer',
    kind: 'pieces',
    clauses: ['L11'],
    about: 'A list is sent like any other image, in pieces that end inside the length of a record.',
    changes: [
      {
        file: 'connection.rs',
        find: 'if key.is_list() { records(&image) } else { vec![image.as_slice()] }',
        put: 'if key.is_list() { image.chunks(4096).collect() } else { vec![image.as_slice()] }',
      },
    ],
    finder: 'proxy-list-records-in-one-piece',
  },
  {
    id: 'reply-byte-by-byte',
    kind: 'pieces',
    clauses: ['L11'],
    about: 'The encoder writes each byte of a reply to the socket.',
    changes: [
      {
        file: 'connection.rs',
        find: '        self.send(&reply_frame(0))?;',
        put: '        for byte in reply_frame(0) {\n            self.send(&[byte])?;\n        }',
      },
    ],
    finder: 'proxy-replies-in-one-piece',
  },
]
