// The conversation with the test: lines of JSON, the job first, then questions to the owner.
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async () => JSON.parse((await lines.next()).value);

export const job = await hear();

export function tell(name, value) {
  process.stdout.write(JSON.stringify([name, value]) + "\n");
}

export function ask(name, value) {
  tell(name, value);
  return hear();
}

const WEB_CRYPTO = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  PS256: { name: "RSA-PSS", hash: "SHA-256" },
  Ed25519: { name: "Ed25519" },
};

// A JWK as the libraries take it: a key of the platform, beside its name.
export async function signer({ alg, kid, ...jwk }) {
  return { kid, key: await crypto.subtle.importKey("jwk", jwk, WEB_CRYPTO[alg], false, ["sign"]) };
}

// What a refusal says, whichever way it is told.
export async function refused(call) {
  try {
    await call();
  } catch (error) {
    const challenge = Array.isArray(error.cause) ? error.cause[0].parameters : {};
    return { code: error.code, status: error.status, error: error.error ?? challenge.error };
  }
  return null;
}
