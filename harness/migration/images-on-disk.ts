import { type Host, shell } from '../hosts/host.ts'

/*
 * Searches for images that became files: files newer than a mark that have an image's name or begin
 * with CRIU's magic numbers, on every file system except FUSE mounts and the kernel's own.
 */

const FIND = `
find / \\( -fstype fuse -o -fstype proc -o -fstype sysfs -o -fstype cgroup -o -fstype cgroup2 -o -path "$2" \\) -prune \\
  -o -type f -newer "$1" -size +0 -print 2>/dev/null | while read -r file; do
  case "$file" in *.img) echo "$file"; continue;; esac
  case "$(head -c 4 "$file" 2>/dev/null | od -An -tx1)" in ' 19 43 56 54'|' 16 31 31 58') echo "$file";; esac
done`

/** Makes a file whose time is the mark; returns its path. Throws HostError. */
export async function markTime(host: Host): Promise<string> {
  const directory = await host.directory()
  await shell(host, 'touch "$1/mark"', [directory])
  return `${directory}/mark`
}

/** Returns the paths of image files newer than the mark and outside `except`. Throws HostError. */
export async function imagesOnDisk(host: Host, mark: string, except: string): Promise<string[]> {
  const found = await shell(host, FIND, [mark, except])
  return found.split('\n').filter((line) => line !== '')
}
