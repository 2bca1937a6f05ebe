/** The options of every command that can ask a server for a model, and the model that they mean. */
import type { Command } from "commander";
import type { EndpointModelOptions } from "../llm/endpoint-model.ts";
import type { LanguageModel } from "../llm/language-model.ts";
import { IlabError, UsageError } from "../util/errors.ts";

export interface EndpointOptions {
  endpointUrl?: string;
  apiKey?: string;
  apiKeyFile?: string;
  requestTimeout?: string;
  concurrency?: string;
  tlsInsecure?: boolean;
  tlsCa?: string;
  tlsClientCert?: string;
  tlsClientKey?: string;
  tlsClientPasswd?: string;
}

export function addEndpointFlags(command: Command): Command {
  return command
    .option("--endpoint-url <url>", "use the model of an OpenAI-compatible server (vLLM, llama-server, Ollama, ...)")
    .option("--api-key <key>", "key for --endpoint-url; better given as ILAB_API_KEY or --api-key-file")
    .option("--api-key-file <file>", "file that holds the key")
    .option("--request-timeout <seconds>", "longest silence of the server before a request is tried again", "300")
    .option("--concurrency <number>", "requests in flight; 16 by default")
    .option("--tls-insecure", "accept any certificate of the server")
    .option("--tls-ca <file>", "certificate of the authority that signed the server's")
    .option("--tls-client-cert <file>", "client certificate")
    .option("--tls-client-key <file>", "key of the client certificate")
    .option("--tls-client-passwd <password>", "password of the key");
}

/** @param model name that the server knows; may be absent when it has one only. */
export async function openEndpoint(
  options: EndpointOptions & { endpointUrl: string },
  model: string | undefined,
  signal: AbortSignal | undefined,
  warn?: (text: string) => void,
): Promise<LanguageModel> {
  const { openEndpointModel } = await import("../llm/endpoint-model.ts");
  return await openEndpointModel({
    ...(await readEndpoint(options, model, signal)),
    onLongWait: warn === undefined ? undefined : tellNowAndThen(warn),
  });
}

const MS_BETWEEN_WORDS = 30_000;

/** Many requests wait for the same reason. */
function tellNowAndThen(warn: (text: string) => void): (reason: string, waitMs: number) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (reason, waitMs) => {
    if (performance.now() - toldAt < MS_BETWEEN_WORDS) return;
    toldAt = performance.now();
    warn(`waiting ${Math.round(waitMs / 1000)} s: ${reason}`);
  };
}

export async function readEndpoint(
  options: EndpointOptions & { endpointUrl: string },
  model: string | undefined,
  signal: AbortSignal | undefined,
): Promise<EndpointModelOptions> {
  return {
    url: options.endpointUrl,
    model,
    apiKey: await readKey(options),
    timeoutMs: readPositive("--request-timeout", options.requestTimeout ?? "300") * 1000,
    concurrency: options.concurrency === undefined ? undefined : readConcurrency(options.concurrency),
    tls: {
      isInsecure: options.tlsInsecure,
      authority: await readText("--tls-ca", options.tlsCa),
      clientCertificate: await readText("--tls-client-cert", options.tlsClientCert),
      clientKey: await readText("--tls-client-key", options.tlsClientKey),
      clientPassword: options.tlsClientPasswd,
    },
    signal,
  };
}

async function readKey({ apiKey, apiKeyFile }: EndpointOptions): Promise<string | undefined> {
  if (apiKey !== undefined) return apiKey;
  const text = (await readText("--api-key-file", apiKeyFile))?.trim();
  if (text === "") throw new UsageError(`--api-key-file: ${apiKeyFile} is empty`);
  return text ?? process.env["ILAB_API_KEY"];
}

async function readText(flag: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const { readFile } = await import("node:fs/promises");
  return await readFile(file, "utf8").catch((cause: unknown) => {
    throw new IlabError({
      code: "USAGE",
      exitCode: 2,
      message: `${flag}: ${file} cannot be read: ${(cause as Error).message}`,
      cause,
    });
  });
}

/** Throws `UsageError` for anything but a number above zero. */
export function readPositive(flag: string, text: string): number {
  const number = Number(text);
  if (!(number > 0) || !Number.isFinite(number))
    throw new UsageError(`${flag} must be a number above 0, not '${text}'`);
  return number;
}

function readConcurrency(text: string): number {
  const number = readPositive("--concurrency", text);
  if (!Number.isInteger(number)) throw new UsageError(`--concurrency must be a whole number, not '${text}'`);
  return number;
}
