// oauth4webapi as it comes, from discovery to revocation.
import * as oauth from "oauth4webapi";

import { ask, job, refused, signer, tell } from "./talk.mjs";

const loopback = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(job.issuer);
const resource = new URL(job.resource);

const server = await oauth
  .discoveryRequest(issuer, { algorithm: "oauth2", ...loopback })
  .then((response) => oauth.processDiscoveryResponse(issuer, response));
const guarded = await oauth
  .resourceDiscoveryRequest(resource, loopback)
  .then((response) => oauth.processResourceDiscoveryResponse(resource, response));

const client = { client_id: job.client_id };
const auth = job.key
  ? oauth.PrivateKeyJwt(await signer(job.key))
  : job.secret
    ? oauth.ClientSecretBasic(job.secret)
    : oauth.None();

const keys = await oauth.generateKeyPair("ES256");
const options = job.is_bound ? { ...loopback, DPoP: oauth.DPoP(client, keys) } : loopback;
let nonces = 0;

// Once more, with the nonce that came with the refusal.
async function proven(call) {
  try {
    return await call();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    nonces += 1;
    return call();
  }
}

async function askOwner(answer) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const parameters = {
    response_type: "code",
    redirect_uri: job.redirect_uri,
    authorization_details: JSON.stringify(job.authorization_details),
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
  };
  const pushed = await proven(() =>
    oauth
      .pushedAuthorizationRequest(server, client, auth, parameters, options)
      .then((response) => oauth.processPushedAuthorizationResponse(server, client, response)),
  );
  const address = new URL(server.authorization_endpoint);
  address.searchParams.set("client_id", client.client_id);
  address.searchParams.set("request_uri", pushed.request_uri);
  return { verifier, state, back: new URL(await ask(answer, address)) };
}

function redeem({ verifier, state, back }) {
  const answer = oauth.validateAuthResponse(server, client, back, state);
  return proven(() =>
    oauth
      .authorizationCodeGrantRequest(
        server, client, auth, answer, job.redirect_uri, verifier, options,
      )
      .then((response) => oauth.processAuthorizationCodeResponse(server, client, response)),
  );
}

const refresh = (token) =>
  proven(() =>
    oauth
      .refreshTokenGrantRequest(server, client, auth, token.refresh_token, options)
      .then((response) => oauth.processRefreshTokenResponse(server, client, response)),
  );

async function read(token, path, headers = {}) {
  const address = new URL(`${job.resource}/${path}`);
  const response = await proven(() =>
    oauth.protectedResourceRequest(
      token.access_token, "GET", address, new Headers(headers), null, options,
    ),
  );
  return response.json();
}

async function readAll(token, headers) {
  const { objects } = await read(token, "objects", headers);
  const { records } = await read(token, `objects/${objects[0].id}/records`, headers);
  return { objects, records };
}

const introspect = (token) =>
  oauth
    .introspectionRequest(server, client, auth, token.access_token, loopback)
    .then((response) => oauth.processIntrospectionResponse(server, client, response));

// The same, signed by the server (RFC 9701), with the signature looked at; Node 18 knows keys of
// the kind by their older name only.
async function introspectSigned(token) {
  const wants = { ...client, introspection_signed_response_alg: "Ed25519" };
  const response = await oauth.introspectionRequest(
    server, wants, auth, token.access_token, loopback,
  );
  const told = await oauth.processIntrospectionResponse(server, wants, response);
  if (parseInt(process.versions.node) >= 20) {
    await oauth.validateApplicationLevelSignature(server, response, loopback);
  }
  return told;
}

const revoke = (text) =>
  oauth
    .revocationRequest(server, client, auth, text, loopback)
    .then((response) => oauth.processRevocationResponse(response));

async function askByCode() {
  const details = { authorization_details: JSON.stringify(job.authorization_details) };
  const device = await oauth
    .deviceAuthorizationRequest(server, client, auth, details, loopback)
    .then((response) => oauth.processDeviceAuthorizationResponse(server, client, response));
  const poll = () =>
    proven(() =>
      oauth
        .deviceCodeGrantRequest(server, client, auth, device.device_code, options)
        .then((response) => oauth.processDeviceCodeResponse(server, client, response)),
    );
  const early = await refused(poll);
  await ask("code", device);
  const token = await poll();
  return { device, early, token, read: await readAll(token) };
}

async function actForItself(grantId) {
  const token = await proven(() =>
    oauth
      .clientCredentialsGrantRequest(server, client, auth, { scope: "grants:read" }, options)
      .then((response) => oauth.processClientCredentialsResponse(server, client, response)),
  );
  const named = { "Inseam-Grant": grantId };
  const told = { token, read: await readAll(token, named), introspected: await introspect(token) };
  await revoke(token.access_token);
  return { ...told, after: await refused(() => readAll(token, named)) };
}

const asked = await askOwner("visit");
const elsewhere = new URL(asked.back);
elsewhere.searchParams.set("iss", "https://other.example");
const mixedUp = await refused(() => redeem({ ...asked, back: elsewhere }));
const token = await redeem(asked);
const told = {
  guarded,
  mixedUp,
  token,
  read: await readAll(token),
  introspected: await introspect(token),
  signed: await introspectSigned(token),
};
if (job.is_machine) told.machine = await actForItself(token.grant_id);
const fresh = await refresh(token);
told.fresh = { token: fresh, read: await readAll(fresh) };
await revoke(fresh.refresh_token);
told.after = {
  read: await refused(() => readAll(fresh)),
  refresh: await refused(() => refresh(fresh)),
  introspected: await introspect(fresh),
};
const no = await askOwner("refuse");
told.no = await refused(() => redeem(no));
if (job.has_device) told.device = await askByCode();
tell("done", { ...told, nonces });
