/** A child process that takes one JSON line per command and answers each with one JSON line. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class LineProcess {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor(program: string, argumentList: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(program, argumentList, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...process.env, ...environment },
    });
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The next line that is JSON; libraries may print other lines before it. */
  async answer<Answer>(): Promise<Answer> {
    for (;;) {
      const { value, done } = await this.#answers.next();
      if (done) throw new Error(`${this.#child.spawnfile} ended without an answer; see its message above`);
      if (value.startsWith("{")) return JSON.parse(value) as Answer;
    }
  }

  async ask<Answer>(command: object): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    return await this.answer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#ended;
  }
}
