// openid-client as it comes, from discovery to revocation.
import * as client from "openid-client";

import { ask, job, refused, signer, tell } from "./talk.mjs";

const auth = job.key
  ? client.PrivateKeyJwt(await signer(job.key))
  : job.secret
    ? client.ClientSecretBasic(job.secret)
    : client.None();
const config = await client.discovery(new URL(job.issuer), job.client_id, {}, auth, {
  algorithm: "oauth2",
  execute: [client.allowInsecureRequests],
});
const bound = job.is_bound
  ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair("Ed25519")) }
  : {};

async function askOwner(answer) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const address = await client.buildAuthorizationUrlWithPAR(
    config,
    {
      redirect_uri: job.redirect_uri,
      authorization_details: JSON.stringify(job.authorization_details),
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      state: expectedState,
    },
    bound,
  );
  return { checks: { pkceCodeVerifier, expectedState }, back: new URL(await ask(answer, address)) };
}

const redeem = ({ back, checks }) =>
  client.authorizationCodeGrant(config, back, checks, undefined, bound);

const refresh = (token) => client.refreshTokenGrant(config, token.refresh_token, {}, bound);

async function read(token, path, headers = {}) {
  const response = await client.fetchProtectedResource(
    config,
    token.access_token,
    new URL(`${job.resource}/${path}`),
    "GET",
    undefined,
    new Headers(headers),
    bound,
  );
  return response.json();
}

async function readAll(token, headers) {
  const { objects } = await read(token, "objects", headers);
  const { records } = await read(token, `objects/${objects[0].id}/records`, headers);
  return { objects, records };
}

const introspect = (token) => client.tokenIntrospection(config, token.access_token);

async function askByCode() {
  const device = await client.initiateDeviceAuthorization(config, {
    authorization_details: JSON.stringify(job.authorization_details),
  });
  await ask("code", device);
  const token = await client.pollDeviceAuthorizationGrant(config, device, undefined, bound);
  return { device, token, read: await readAll(token) };
}

async function actForItself(grantId) {
  const token = await client.clientCredentialsGrant(config, { scope: "grants:read" }, bound);
  const named = { "Inseam-Grant": grantId };
  const told = { token, read: await readAll(token, named), introspected: await introspect(token) };
  await client.tokenRevocation(config, token.access_token);
  return { ...told, after: await refused(() => readAll(token, named)) };
}

const asked = await askOwner("visit");
const elsewhere = new URL(asked.back);
elsewhere.searchParams.set("iss", "https://other.example");
const mixedUp = await refused(() => redeem({ ...asked, back: elsewhere }));
const token = await redeem(asked);
const told = {
  mixedUp,
  token,
  read: await readAll(token),
  introspected: await introspect(token),
};
if (job.is_machine) told.machine = await actForItself(token.grant_id);
const fresh = await refresh(token);
told.fresh = { token: fresh, read: await readAll(fresh) };
await client.tokenRevocation(config, fresh.refresh_token);
told.after = {
  read: await refused(() => readAll(fresh)),
  refresh: await refused(() => refresh(fresh)),
  introspected: await introspect(fresh),
};
const no = await askOwner("refuse");
told.no = await refused(() => redeem(no));
if (job.has_device) told.device = await askByCode();
tell("done", told);
