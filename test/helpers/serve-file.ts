/** A real HTTP server with one file, ranges included, that can misbehave as servers do. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface FileServerOptions {
  content: Buffer;
  etag?: string;
  /** Answers with the whole file whatever range is asked for. */
  ignoresRange?: boolean;
  /** Answers a range with one that starts so many bytes later. */
  rangeShift?: number;
  /** Cuts the connection of the first so many answers after `cutAfterBytes` bytes. */
  cuts?: number;
  cutAfterBytes?: number;
  /** Sends the first bytes, then nothing more. */
  stallsAfterBytes?: number;
  status?: number;
  location?: string;
}

export interface FileServer extends AsyncDisposable {
  origin: string;
  /** Headers of every request so far. */
  requests: { url: string; headers: IncomingHttpHeaders }[];
  /** May be changed between requests. */
  options: FileServerOptions;
}

export async function serveFile(initial: FileServerOptions): Promise<FileServer> {
  const requests: FileServer["requests"] = [];
  const state = { options: initial, cutsDone: 0 };
  const server = createServer((request, response) => {
    const {
      content,
      etag,
      ignoresRange,
      cuts = 0,
      cutAfterBytes = 0,
      stallsAfterBytes,
      status,
      location,
    } = state.options;
    requests.push({ url: request.url ?? "", headers: request.headers });
    if (status !== undefined) {
      response.writeHead(status, location === undefined ? {} : { location }).end("<html>no model here</html>");
      return;
    }
    const headers: Record<string, string> = etag === undefined ? {} : { etag };
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const validator = request.headers["if-range"];
    let start = 0;
    if (range !== null && !ignoresRange && (validator === undefined || validator === etag)) {
      start = Number(range[1]) + (state.options.rangeShift ?? 0);
      if (start >= content.length) {
        response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
        return;
      }
      headers["content-range"] = `bytes ${start}-${content.length - 1}/${content.length}`;
    }
    const body = content.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, { ...headers, "content-length": String(body.length) });
    if (stallsAfterBytes !== undefined) response.write(body.subarray(0, stallsAfterBytes));
    else if (state.cutsDone < cuts) {
      state.cutsDone += 1;
      response.write(body.subarray(0, cutAfterBytes), () => setTimeout(() => response.destroy(), 20));
    } else response.end(body);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get options() {
      return state.options;
    },
    set options(value) {
      state.options = value;
      state.cutsDone = 0;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
