import type { TableNames } from './table-names.ts'

// The tables. One row is one key: what is stored, and who loads it. That both are one row is what makes the lease exact: whoever changes or
// deletes the row, by whatever statement, has changed or deleted the lease with it, and the row's lock puts everybody in one order.
//
//   key          what it is found by; long_key: all of it, where it is too long for an index
//   value        bytes, UTF-8; null: there is nothing, somebody loads
//   expires_at   from then on it is as if there were nothing
//   lease        the token of who loads; null with lease_until: a load failed, others wait until then
//
// <table>_clock and <table>_stamps are the tag clock, <table>_ended the lives of processes that are over (see `entry-functions.ts`),
// <table>_changes counts what is told. The first number is drawn here, so that the counter's value tells none from one.

export function createTables(names: TableNames, unlogged: boolean): string {
  const { of, bare, quotedSchema } = names
  const index = (ending: string): string => `"${bare(ending).replaceAll('"', '""')}"`
  return `
do ${names.dollar} begin
  if to_regnamespace(${literalName(quotedSchema)}) is null then
    create schema ${quotedSchema};
  end if;
end ${names.dollar};

create ${unlogged ? 'unlogged ' : ''}table if not exists ${of()} (
  key text collate "C" primary key,
  long_key text,
  value bytea,
  expires_at timestamptz not null,
  lease text,
  lease_until timestamptz
);
create index if not exists ${index('expires')} on ${of()} (expires_at);

create table if not exists ${of('clock')} (
  one boolean primary key default true check (one),
  id text not null,
  floor bigint not null default 0,
  top bigint not null default 0,
  given integer not null default 0,
  history text not null default ''
);
insert into ${of('clock')} (id) values ('0-' || replace(gen_random_uuid()::text, '-', '')) on conflict do nothing;
create table if not exists ${of('stamps')} (
  tag bytea primary key,
  stamp bigint not null
);
create index if not exists ${index('stamps_stamp')} on ${of('stamps')} (stamp);

create table if not exists ${of('ended')} (
  node text primary key,
  life bigint not null,
  at timestamptz not null
);

create sequence if not exists ${of('changes')};
select nextval(${regclass(names, 'changes')});
`
}

/** Names every object that permissions are given on. */
export const ownTables: readonly (string | undefined)[] = [undefined, 'clock', 'stamps', 'ended']

/** A relation as a value. */
export function regclass(names: TableNames, ending?: string): string {
  return `${literalName(names.of(ending))}::regclass`
}

function literalName(quoted: string): string {
  return `E'${quoted.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
