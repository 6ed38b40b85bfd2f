import { type EventContent, encodeEvent, framed, type Wire } from "./events.ts";

/** What a writer needs that is loaded when training begins. */
export interface Tools {
  readonly wire: Wire;
  readonly fs: typeof import("node:fs");
  readonly path: typeof import("node:path");
  readonly hostname: string;
}

/** Bytes that are kept back before they are written. */
const room = 1 << 16;

/** A file of events, to which they are appended. */
export class EventFile {
  readonly path: string;
  private readonly tools: Tools;
  private pending: Uint8Array[] = [];
  private waiting = 0;
  /** The length of the file. */
  private length: number;

  private constructor(tools: Tools, path: string, length: number) {
    this.tools = tools;
    this.path = path;
    this.length = length;
  }

  /** A new file in a folder, of a name that TensorBoard knows. */
  static create(tools: Tools, folder: string, serial: number): EventFile {
    const { fs, path, hostname } = tools;
    fs.mkdirSync(folder, { recursive: true });
    const seconds = Math.floor(Date.now() / 1000);
    const name = `events.out.tfevents.${seconds}.${hostname}.${globalThis.process.pid}.${serial}.v2`;
    const file = new EventFile(tools, path.join(folder, name), 0);
    file.add(0, { kind: "version" });
    return file;
  }

  /** A file that is there, without what stands behind a given length; null when it is not there or shorter. */
  static reopen(tools: Tools, path: string, length: number): EventFile | null {
    const found = tools.fs.statSync(path, { throwIfNoEntry: false });
    if (found === undefined || found.size < length) return null;
    tools.fs.truncateSync(path, length);
    return new EventFile(tools, path, length);
  }

  add(step: number, content: EventContent): void {
    const record = framed(encodeEvent({ wallTime: Date.now() / 1000, step, content }, this.tools.wire));
    this.pending.push(record);
    this.waiting += record.length;
    if (this.waiting >= room) this.flush();
  }

  /** Writes what has been kept back. @returns the length of the file. */
  flush(): number {
    if (this.waiting > 0) this.tools.fs.appendFileSync(this.path, Buffer.concat(this.pending));
    this.length += this.waiting;
    this.waiting = 0;
    this.pending = [];
    return this.length;
  }
}
