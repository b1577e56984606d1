// The tables of the SQLite driver. Few indexes, as writes are hot:
//
//   work_waiting  what can be claimed, by lane, priority and time
//   work_claimed  what is claimed: as many rows as carriers have free windows
//   work_number   the items of one phone number, newest first
//   work_alias    items by another name that they have now, since `alias_version`
//   …_expiry      what has a time to go
//
// `sealed` and `body` are sealed; `key` and the tags are HMACs (seal.ts).

/** Marks the file as ours: "Patc". */
export const applicationId = 0x50617463
export const schemaVersion = 3

const aliasIndex = 'CREATE INDEX work_alias ON work (queue, alias_tag) WHERE alias_tag IS NOT NULL;'

/** From the version before to the one that is its place here: 1 to 2, and so on. */
export const migrations: readonly string[] = [
  `ALTER TABLE work ADD COLUMN alias_tag TEXT; ${aliasIndex}`,
  'ALTER TABLE work ADD COLUMN alias_version INTEGER',
]

export const schema = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) STRICT, WITHOUT ROWID;

  CREATE TABLE entries (
    key TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    expires_at INTEGER,
    counter INTEGER,
    sealed BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX entries_expiry ON entries (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE work (
    seq INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    id TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,
    due_at INTEGER,
    owner TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER,
    script_tag TEXT,
    number_tag TEXT,
    alias_tag TEXT,
    alias_version INTEGER,
    body BLOB NOT NULL,
    UNIQUE (queue, id)
  ) STRICT;
  CREATE INDEX work_waiting ON work (queue, lane, priority, due_at) WHERE due_at IS NOT NULL AND owner IS NULL;
  CREATE INDEX work_claimed ON work (queue) WHERE owner IS NOT NULL;
  CREATE INDEX work_number ON work (queue, number_tag) WHERE number_tag IS NOT NULL;
  ${aliasIndex}
  CREATE INDEX work_expiry ON work (expires_at) WHERE expires_at IS NOT NULL;

  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`
