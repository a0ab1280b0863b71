/** One server-sent event. */
export interface ServerEvent {
  id: string;
  name: string;
  data: string;
}

/** A feed line longer than this is no reading: the parser drops it and goes on. */
const LINE_CHARS_MAX = 1_000_000;

/**
 * Takes a text stream apart into events (HTML standard, 9.2.6). The id holds until the next
 * one, as there.
 */
export class EventParser {
  #rest = "";
  #id: string;
  #name = "";
  #data: string[] = [];

  constructor(id = "") {
    this.#id = id;
  }

  push(chunk: string, emit: (event: ServerEvent) => void): void {
    const lines = (this.#rest + chunk).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LINE_CHARS_MAX) this.#rest = "";
    for (const line of lines) this.#line(line, emit);
  }

  #line(line: string, emit: (event: ServerEvent) => void): void {
    if (line === "") return this.#dispatch(emit);
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#name = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
  }

  #dispatch(emit: (event: ServerEvent) => void): void {
    const [name, data] = [this.#name, this.#data];
    this.#name = "";
    this.#data = [];
    if (data.length) emit({ id: this.#id, name: name || "message", data: data.join("\n") });
  }
}
