/** Lets so many through at once; the others wait in line. */
export class Slots {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Gives the function that frees the slot again. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((next) => this.#line.push(next));
    return () => {
      const next = this.#line.shift();
      if (next) next();
      else this.#free += 1;
    };
  }
}
