import { InvalidValue, type ValueType } from "./option.ts";

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const TAKES = "host:port, an IPv6 address in brackets";

/** Reads `logs.example:9000` or `[::1]:9000`. Throws {@link InvalidValue}. */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, digits] =
    /^(?:\[([\da-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text.trim()) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65535) throw InvalidValue.of(TAKES, text);
  return { host, port };
}

/** The same address in the same words, whoever writes it. */
export function showAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Addresses as texts, any number of them. */
export function addressList(): ValueType<readonly string[]> {
  return {
    valueName: "<host:port>",
    takes: TAKES,
    parse: (text) => [showAddress(parseAddress(text))],
    show: (addresses) => addresses.join(","),
    merge: (earlier, later) => [...earlier, ...later],
  };
}
