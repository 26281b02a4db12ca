#!/usr/bin/env node
// node verify.mjs [--key <verifier key>]… [--checkpoint <file>]… <folder or files>
//
// Verifies exported books with nothing but Node (20 or later) and the files: what it reads of them, and what it says, is
// in README.md beside it. Exit code 0: everything is as it was sealed and signed; 1: something is not, and each is named;
// 2: it could not be looked at.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { createGunzip } from 'node:zlib';

// ---------------------------------------------------------------------------------------------------------------------
// The tree of RFC 6962.

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const leafHash = (text) => sha256(Buffer.of(0), text);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** The roots of the complete subtrees that the leaves so far make, by level. */
class Tree {
  size = 0;
  parts = [];

  /** Adds a leaf, or a complete subtree of 2^level leaves by its hash. */
  append(hash, level = 0) {
    this.size += 2 ** level;
    let at = level;
    let joined = hash;
    for (let count = this.size / 2 ** level; count % 2 === 0; count /= 2) {
      joined = nodeHash(this.parts[at], joined);
      at += 1;
    }
    this.parts[at] = joined;
  }

  copy() {
    return Object.assign(new Tree(), { size: this.size, parts: [...this.parts] });
  }

  get root() {
    let root = null;
    for (let level = 0; 2 ** level <= this.size; level += 1) {
      // The bit of the size says whether there is a part of this level.
      if (Math.floor(this.size / 2 ** level) % 2 === 0) continue;
      root = root === null ? this.parts[level] : nodeHash(this.parts[level], root);
    }
    return root ?? createHash('sha256').digest();
  }
}

/** The root of a tree of `size` that a leaf and its path lead to; null where the path is not one of that place. */
function rootOfPath(leaf, { position, size, path }) {
  let [place, last, root] = [position, size - 1, leaf];
  for (const one of path) {
    if (last === 0 || !digest.test(one)) return null;
    const other = Buffer.from(one, 'hex');
    if (place % 2 === 1 || place === last) {
      root = nodeHash(other, root);
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, Math.floor(last / 2)];
    } else root = nodeHash(root, other);
    [place, last] = [Math.floor(place / 2), Math.floor(last / 2)];
  }
  return last === 0 ? root.toString('hex') : null;
}

// ---------------------------------------------------------------------------------------------------------------------
// What is hashed of a transaction: version 1.

/** Seconds since 1970 with six digits behind the point. */
function seconds(time) {
  const [, second, fraction] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z$/.exec(time) ?? [];
  if (second === undefined) return time;
  const microseconds = BigInt(Date.parse(`${second}Z`)) * 1000n + BigInt(fraction);
  const digits = String(microseconds < 0n ? -microseconds : microseconds).padStart(7, '0');
  return `${microseconds < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

function canonicalText(t) {
  return [
    'quittance ledger transaction 1',
    `id ${t.id}`,
    `book ${t.book}`,
    `source ${t.source}`,
    `event ${t.sourceEventId} ${t.event}`,
    `payment ${t.paymentId ?? '-'}`,
    `chain ${t.chainTransaction ?? '-'}`,
    `effective ${seconds(t.effectiveAt)}`,
    `occurred ${seconds(t.occurredAt)}`,
    `recorded ${seconds(t.recordedAt)}`,
    `reverses ${t.reverses ?? '-'}`,
    `shard ${t.shard}`,
    ...t.entries.map((e) => `entry ${e.line} ${e.account} ${e.asset} ${e.layer} ${e.amount}`),
    '',
  ].join('\n');
}

/** Sums by asset and layer that are not 0. */
function excess(transaction) {
  const sums = new Map();
  for (const { asset, layer, amount } of transaction.entries) {
    const key = `${asset} ${layer}`;
    sums.set(key, (sums.get(key) ?? 0n) + BigInt(amount));
  }
  return [...sums].filter(([, sum]) => sum !== 0n).map(([key, sum]) => `${key} by ${sum}`);
}

// ---------------------------------------------------------------------------------------------------------------------
// Checkpoints: C2SP signed notes with Ed25519.

/** `<name>+<id>+<base64 of type and key>`: null where it is none. */
function readKey(text) {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (bytes.length !== 33 || bytes[0] !== 1 || bytes.toString('base64') !== encoded) return null;
  if (sha256(`${name}\n`, bytes).subarray(0, 4).toString('hex') !== id) return null;
  const x = bytes.subarray(1).toString('base64url');
  return { text, name, id, key: createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }) };
}

/** What a note says, once a key that is trusted signed it; else a text that says what is wrong. */
function openNote(note, keys) {
  const end = note.indexOf('\n\n') + 1;
  if (end === 0) return 'is no signed note';
  const text = note.slice(0, end);
  const [origin, size, root, sealed = '', seals = ''] = text.split('\n');
  if (!/^(0|[1-9]\d*)$/.test(size ?? '') || Buffer.from(root ?? '', 'base64').length !== 32)
    return 'is no checkpoint';
  for (const line of note.slice(end + 1).split('\n')) {
    const [, name, encoded] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    const bytes = Buffer.from(encoded ?? '', 'base64');
    const key = keys.find((one) => one.name === name && one.id === bytes.subarray(0, 4).toString('hex'));
    if (key === undefined || name !== origin || bytes.toString('base64') !== encoded) continue;
    if (!verify(null, Buffer.from(text), key.key, bytes.subarray(4))) return 'has a false signature';
    return {
      origin,
      size: Number(size),
      root: Buffer.from(root, 'base64').toString('hex'),
      sealedAt: sealed.replace(/^sealed /, ''),
      seals: seals.replace(/^seals /, ''),
    };
  }
  return 'is not signed by a key that is trusted';
}

// ---------------------------------------------------------------------------------------------------------------------
// The files.

async function* linesOf(file) {
  const raw = createReadStream(file);
  const input = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  let number = 0;
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    number += 1;
    if (text !== '') yield { text, where: `${basename(file)}:${number}` };
  }
}

/** What a file holds, its name says: journal*.jsonl, seals*.jsonl, checkpoints*.jsonl (also with .gz), keys*.txt, proof*.json. */
function sort(paths) {
  const files = { journal: [], seals: [], checkpoints: [], keys: [], proofs: [] };
  const all = paths.flatMap((path) =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .sort()
          .map((name) => join(path, name))
      : [path],
  );
  for (const path of all) {
    const name = basename(path);
    if (/^journal.*\.jsonl(\.gz)?$/.test(name)) files.journal.push(path);
    else if (/^seals.*\.jsonl(\.gz)?$/.test(name)) files.seals.push(path);
    else if (/^checkpoints.*\.jsonl(\.gz)?$/.test(name)) files.checkpoints.push(path);
    else if (/^keys?.*\.txt$/.test(name)) files.keys.push(path);
    else if (/^proofs?.*\.json$/.test(name)) files.proofs.push(path);
  }
  return files;
}

// ---------------------------------------------------------------------------------------------------------------------

/** Looks at everything; gives what it looked at, and each thing that is wrong, by name. */
export async function verifyFiles({ paths, keys = [], notes = [] }) {
  const files = sort(paths);
  const run = new Verification();
  // Keys that come with the files are those of whoever made the files: one that is told is better.
  run.readKeys(keys.length > 0 ? keys : files.keys.flatMap((file) => readFileSync(file, 'utf8').split('\n')));
  if (run.keys.length === 0)
    run.say(
      'keys',
      'no key was given: --key <verifier key>, or keys.txt among the files. Nothing is trusted without',
    );
  for (const file of files.proofs) run.readProof({ text: readFileSync(file, 'utf8'), where: basename(file) });
  const { journal, seals, checkpoints, proofs } = files;
  if (proofs.length > 0 && [journal, seals, checkpoints, notes].every((given) => given.length === 0))
    return run.result;
  for (const file of files.seals) for await (const line of linesOf(file)) run.readSeal(line);
  notes.forEach((note, place) => run.readNote(note, null, `--checkpoint ${place + 1}`));
  for (const file of files.checkpoints) for await (const line of linesOf(file)) run.readCheckpoint(line);
  run.compareSeals();
  for (const file of files.journal) for await (const line of linesOf(file)) run.readLeaf(line);
  run.finish();
  if (files.journal.length === 0) run.say('files', 'there is no journal*.jsonl among them');
  if (run.counts.checkpoints === 0) run.say('files', 'there is no checkpoint: nothing shows who sealed this');
  return run.result;
}

const digest = /^[0-9a-f]{64}$/;
const fields = {
  leaf: 'position leaf transaction',
  transaction:
    'id book source sourceEventId event paymentId chainTransaction effectiveAt occurredAt recordedAt reverses shard entries',
  entry: 'line account asset layer amount',
  gap: 'first end hash',
  seal: 'size firstPosition root sealedAt',
  checkpoint: 'size note',
};
/** Nothing is missing and nothing more is there, which nobody would have looked at. */
const has = (value, kind) => Object.keys(Object(value)).join(' ') === fields[kind];
const nothing = Buffer.alloc(32);

class Verification {
  counts = { transactions: 0, omitted: 0, seals: 0, checkpoints: 0, unchecked: 0, proofs: 0 };
  findings = [];
  /** What single proofs prove. */
  proven = [];
  keys = [];
  seals = [];
  checkpoints = [];
  lastSigned = 0;
  /** Roots that the tree must come to, by its size: those of seals, and those that were signed. */
  wanted = new Map();
  tree = new Tree();
  /** The same of what the transactions themselves come to, while that differs; and those that make it differ. */
  recomputed = null;
  differing = [];
  isBroken = false;

  say(where, what) {
    this.findings.push({ where, what });
  }

  get result() {
    const { counts, findings, proven } = this;
    return { counts, size: this.tree.size, findings, proven };
  }

  parsed({ text, where }) {
    try {
      return Object(JSON.parse(text));
    } catch {
      this.say(where, 'is no JSON');
      return null;
    }
  }

  readKeys(texts) {
    for (const text of texts.map((one) => one.trim()).filter((one) => one !== '')) {
      const key = readKey(text);
      if (key === null) this.say(text.slice(0, 60), 'is no verifier key');
      else this.keys.push(key);
    }
  }

  /** One transaction, the path to the root of a tree that it is in, and who signed that. */
  readProof(line) {
    const proof = this.parsed(line);
    if (proof === null) return;
    const { where } = line;
    const { transaction, position, leaf, size, path, root, checkpoint } = proof;
    const isWhole =
      has(transaction, 'transaction') && Array.isArray(transaction.entries) && Array.isArray(path);
    if (!isWhole || !Number.isInteger(position) || !Number.isInteger(size))
      return this.say(where, 'has not the fields of a proof');
    this.counts.proofs += 1;
    if (proof.transactionId !== transaction.id)
      this.say(
        where,
        `is called the proof of transaction ${proof.transactionId}, and is of ${transaction.id}`,
      );
    const own = this.hashOf(transaction, position, where);
    if (own.toString('hex') !== leaf || !leafHash(String(proof.canonical)).equals(own))
      return this.say(where, `transaction ${transaction.id} is not that of its leaf`);
    if (rootOfPath(own, proof) !== root)
      return this.say(
        where,
        `the path of transaction ${transaction.id} does not lead to the root of its tree`,
      );
    if (checkpoint === null)
      return this.say(
        where,
        `the tree of ${size} is not signed yet: ask for the proof again in some seconds`,
      );
    const opened = openNote(String(checkpoint?.note), this.keys);
    if (typeof opened === 'string') return this.say(where, `the checkpoint ${opened}`);
    if (opened.size !== size || opened.root !== root)
      return this.say(where, 'the checkpoint is of another tree');
    this.proven.push({ where, transaction, position, checkpoint: opened });
  }

  want(size, one) {
    this.wanted.set(size, [...(this.wanted.get(size) ?? []), one]);
  }

  readSeal(line) {
    const seal = this.parsed(line);
    if (seal === null) return;
    const { where } = line;
    if (!has(seal, 'seal')) this.say(where, 'has not the fields of a seal');
    const { size, firstPosition: first, root, sealedAt } = seal;
    const before = this.seals.at(-1) ?? { size: 0, sealedAt: '' };
    if (first !== before.size)
      this.say(
        where,
        `a seal between sizes ${before.size} and ${size} is missing, or this one begins elsewhere`,
      );
    if (!(size > first)) this.say(where, `the seal of size ${size} holds nothing`);
    if (!(sealedAt > before.sealedAt))
      this.say(where, `the seal of size ${size} is dated before the one of ${before.size}`);
    this.seals.push({ where, size, root, sealedAt });
    this.want(size, { where, what: `the root of the seal of size ${size}`, root });
    this.counts.seals += 1;
  }

  readCheckpoint(line) {
    const checkpoint = this.parsed(line);
    if (checkpoint === null) return;
    if (!has(checkpoint, 'checkpoint')) this.say(line.where, 'has not the fields of a checkpoint');
    this.readNote(String(checkpoint.note), checkpoint.size, line.where);
  }

  readNote(note, size, where) {
    this.counts.checkpoints += 1;
    const opened = openNote(note, this.keys);
    if (typeof opened === 'string') return this.say(where, `the checkpoint ${opened}`);
    if (size !== null && size !== opened.size)
      this.say(where, `the checkpoint is called that of size ${size}, and is of ${opened.size}`);
    if (size !== null && opened.size <= this.lastSigned)
      this.say(where, `the checkpoint of size ${opened.size} comes again, or out of its place`);
    if (size !== null) this.lastSigned = opened.size;
    this.checkpoints.push({ ...opened, where });
    this.want(opened.size, { where, what: `what was signed of size ${opened.size}`, root: opened.root });
  }

  /** What seals say, their times too, is signed with the next checkpoint: a hash over all that came before. */
  compareSeals() {
    if (this.seals.length === 0) return;
    const signed = new Map(this.checkpoints.map((one) => [one.size, one]));
    let hash = '0'.repeat(64);
    let since = 0;
    for (const { size, root, sealedAt } of this.seals) {
      hash = sha256(`${hash}\n${size} ${root} ${sealedAt}\n`).toString('hex');
      const checkpoint = signed.get(size);
      if (checkpoint === undefined) continue;
      if (checkpoint.seals !== hash || checkpoint.sealedAt !== sealedAt)
        this.say(checkpoint.where, `a seal above size ${since} and up to ${size} is not as it was signed`);
      hash = checkpoint.seals;
      since = size;
      signed.delete(size);
    }
    for (const { where, size } of signed.values())
      this.say(where, `the seal of size ${size} is missing, and was signed`);
  }

  readLeaf(line) {
    const parsed = this.parsed(line);
    if (parsed === null) return;
    if (has(parsed.gap, 'gap')) return this.readGap(parsed.gap, line.where);
    const { transaction } = parsed;
    const isWhole =
      has(parsed, 'leaf') && has(transaction, 'transaction') && Array.isArray(transaction.entries);
    if (!isWhole || !transaction.entries.every((entry) => has(entry, 'entry')))
      this.say(line.where, 'has not the fields of a transaction');
    this.readTransaction(parsed, line.where);
  }

  readTransaction({ position, leaf, transaction }, where) {
    const own = this.hashOf(transaction, position, where);
    this.counts.transactions += 1;
    this.goTo(position, where);
    // What comes again, or too late, is compared with its own hash alone.
    if (position !== this.tree.size) {
      if (own.toString('hex') !== leaf)
        this.say(where, `transaction ${transaction?.id} is not that of its leaf`);
      return;
    }
    if (own.toString('hex') !== leaf) this.differing.push({ where, position, id: transaction?.id });
    this.append(digest.test(leaf) ? Buffer.from(leaf, 'hex') : nothing, own);
  }

  hashOf(transaction, position, where) {
    try {
      for (const one of excess(transaction))
        this.say(where, `transaction ${transaction.id} is out of balance: ${one}`);
      return leafHash(canonicalText(transaction));
    } catch {
      this.say(where, `the transaction of leaf ${position} cannot be read`);
      return nothing;
    }
  }

  /** Transactions that were left out on purpose: a complete subtree, by its hash. */
  readGap({ first, end, hash }, where) {
    const level = Math.log2(end - first);
    if (!Number.isInteger(level) || first % (end - first) !== 0 || !digest.test(hash))
      return this.say(where, `${first} to ${end} is no complete subtree`);
    this.goTo(first, where);
    if (first !== this.tree.size) return;
    this.counts.omitted += end - first;
    for (const size of this.wanted.keys()) if (size > first && size < end) this.counts.unchecked += 1;
    this.append(Buffer.from(hash, 'hex'), Buffer.from(hash, 'hex'), level);
  }

  goTo(position, where) {
    const { size } = this.tree;
    if (position === size) return;
    this.isBroken = true;
    if (!(position > size)) return this.say(where, `leaf ${position} comes again, or out of its place`);
    this.say(
      where,
      position === size + 1 ? `leaf ${size} is missing` : `leaves ${size} to ${position - 1} are missing`,
    );
    if (position - size > missingMax) throw new RangeError(`${where}: too much is missing to go on`);
    while (this.tree.size < position) this.append(nothing, nothing);
  }

  append(stored, own, level = 0) {
    if (!stored.equals(own)) this.recomputed ??= this.tree.copy();
    this.recomputed?.append(own, level);
    this.tree.append(stored, level);
    const wanted = this.wanted.get(this.tree.size);
    if (wanted !== undefined) this.compareRoots(wanted);
  }

  /** Of a leaf and its transaction, which one was changed, the root tells. */
  compareRoots(wanted) {
    const ofLeaves = this.tree.root.toString('hex');
    const ofTransactions = this.recomputed?.root.toString('hex') ?? ofLeaves;
    const areLeavesWrong = ofTransactions !== ofLeaves && wanted.some(({ root }) => root === ofTransactions);
    if (areLeavesWrong) this.tree = this.recomputed;
    const root = areLeavesWrong ? ofTransactions : ofLeaves;
    for (const one of wanted)
      if (one.root !== root && !this.isBroken)
        this.say(one.where, `the transactions below ${this.tree.size} do not come to ${one.what}`);
    for (const { where, position, id } of this.differing)
      this.say(
        where,
        areLeavesWrong
          ? `the hash of leaf ${position}, transaction ${id}, was changed; the transaction was not`
          : `transaction ${id}, leaf ${position}, is not what was sealed`,
      );
    this.recomputed = null;
    this.differing = [];
  }

  finish() {
    const { size } = this.tree;
    for (const { where, position, id } of this.differing)
      this.say(where, `transaction ${id}, leaf ${position}, is not that of its leaf, and in no seal`);
    const sizes = [...this.wanted.keys()].sort((a, b) => a - b);
    const beyond = sizes.find((one) => !(one <= size));
    if (beyond !== undefined)
      this.say(
        this.wanted.get(beyond)[0].where,
        `the journal ends at ${size}, below ${this.wanted.get(beyond)[0].what}`,
      );
    const last = sizes.filter((one) => one <= size).at(-1) ?? 0;
    if (size > last) this.say('journal', `leaves ${last} to ${size - 1} are in no seal and no checkpoint`);
  }
}

/** Leaves in a row that may be missing before it gives up. */
const missingMax = 10_000_000;

async function main(args) {
  const given = { paths: [], keys: [], notes: [] };
  while (args.length > 0) {
    const arg = args.shift();
    if (arg === '--key') given.keys.push(args.shift() ?? '');
    else if (arg === '--checkpoint') given.notes.push(readFileSync(args.shift() ?? '', 'utf8'));
    else if (arg.startsWith('-') || !existsSync(arg)) return usage(arg);
    else given.paths.push(arg);
  }
  if (given.paths.length === 0) return usage('');
  const { counts, size, findings, proven } = await verifyFiles(given);
  for (const { where, what } of findings) console.log(`WRONG  ${where}: ${what}`);
  for (const one of proven) console.log(provenText(one));
  if (counts.proofs === 0 || size > 0)
    console.log(
      `${counts.transactions} transactions read, ${counts.omitted} by their hashes; ${counts.seals} seals, ${counts.checkpoints} checkpoints; a tree of ${size}.`,
    );
  if (counts.proofs > 0)
    console.log(
      counts.proofs === 1
        ? '1 proof of a single transaction.'
        : `${counts.proofs} proofs of single transactions.`,
    );
  if (counts.unchecked > 0)
    console.log(`${counts.unchecked} sizes lie within what was left out and were not compared.`);
  console.log(
    findings.length === 0
      ? 'Everything is as it was sealed and signed.'
      : findings.length === 1
        ? '1 thing is wrong.'
        : `${findings.length} things are wrong.`,
  );
  return findings.length === 0 ? 0 : 1;
}

/** What is proven: that a proof is right says nothing until it is said of what. */
function provenText({ where, transaction: t, position, checkpoint: { origin, size, sealedAt } }) {
  return [
    `PROVEN ${where}: transaction ${t.id} of book ${t.book}, ${t.event}, effective ${t.effectiveAt}, recorded ${t.recordedAt}`,
    `  payment ${t.paymentId ?? '-'}, transaction on chain ${t.chainTransaction ?? '-'}`,
    ...t.entries.map((e) => `  ${e.account} ${e.layer} ${e.amount} of ${e.asset}`),
    `  place ${position} in a tree of ${size} that ${origin} sealed at ${sealedAt}`,
  ].join('\n');
}

function usage(wrong) {
  if (wrong) console.error(`${wrong}: there is no such file, folder or option`);
  console.error('node verify.mjs [--key <verifier key>]… [--checkpoint <file>]… <folder or files>');
  return 2;
}

// Called by a link it is called all the same: to do nothing would end with 0, as if all were right.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 2;
  }
}
