import { regclass } from './tables.ts'
import type { TableNames } from './table-names.ts'

// The tag clock: `tag -> stamp` under a random id, see `TagCapability`. Whoever stamps holds the clock's row to the end of the transaction, so
// stamps are given and become visible in one order: none is ever seen after a higher one. Tags are bytes, since there are some with NUL.

/** Tags that the clock remembers; about 100 bytes each here and in every process. Beyond it the older half is forgotten, and the floor raised. */
const stampLimit = 50_000
/** After so many stamps they are counted again. */
const countAfter = 1000

export function clockFunctions(names: TableNames): string {
  const { of } = names
  return `
create or replace function ${of('clock_since')}(p_id text, p_mark bigint) returns text
language sql stable set search_path = '' as ${names.dollar}
  select json_build_object('id', c.id, 'floor', c.floor, 'stamps', coalesce((
    select json_agg(json_build_array(${of('text')}(s.tag), s.stamp) order by s.stamp) from ${of('stamps')} s
    where c.id is distinct from p_id or s.stamp > p_mark), '[]'::json))::text
  from ${of('clock')} c
${names.dollar};

-- A clock that is gone begins anew under p_new.
create or replace function ${of('clock')}(p_id text, p_mark bigint, p_new text, p_origin text) returns table (clock text)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
begin
  clock := ${of('clock_since')}(p_id, p_mark);
  if clock is null then
    perform ${of('durably')}();
    delete from ${of('stamps')};
    insert into ${of('clock')} (id) values (p_new) on conflict do nothing;
    perform ${of('tell')}('t', '{}', p_origin);
    clock := ${of('clock_since')}(null, 0);
  end if;
  return next;
end ${names.dollar};

create or replace function ${of('stamp')}(p_tags text[], p_id text, p_mark bigint, p_new text, p_origin text)
returns table (clock text)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
declare
  c record;
  n bigint;
  cut bigint;
begin
  perform ${of('durably')}();
  insert into ${of('clock')} (id) values (p_new) on conflict do nothing;
  select * into c from ${of('clock')} for update;
  if c.id = p_new then delete from ${of('stamps')}; end if;
  n := greatest(c.top + 1, c.floor + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint);
  insert into ${of('stamps')} as s (tag, stamp)
    select distinct ${of('bytes')}(t), n from unnest(p_tags) as t
    on conflict (tag) do update set stamp = excluded.stamp;
  c.given := c.given + cardinality(p_tags);
  if c.given >= ${countAfter} then
    c.given := 0;
    if (select count(*) from ${of('stamps')}) > ${stampLimit} then
      select s.stamp into cut from ${of('stamps')} s order by s.stamp desc offset ${stampLimit / 2} limit 1;
      delete from ${of('stamps')} s where s.stamp <= cut;
      c.floor := cut;
    end if;
  end if;
  update ${of('clock')} set top = n, floor = c.floor, given = c.given;
  perform ${of('tell')}('t', '{}', p_origin);
  clock := ${of('clock_since')}(p_id, p_mark);
  return next;
end ${names.dollar};

create or replace function ${of('renew_clock')}(p_new text, p_origin text) returns table (clock text)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
begin
  perform ${of('durably')}();
  insert into ${of('clock')} (id) values (p_new)
    on conflict (one) do update set id = p_new, floor = 0, given = 0;
  delete from ${of('stamps')};
  perform ${of('tell')}('t', '{}', p_origin);
  clock := ${of('clock_since')}(null, 0);
  return next;
end ${names.dollar};

-- A clock of another history of the data gets a new id: what was acknowledged there may be lost.
create or replace function ${of('enter')}(p_history text, p_new text, p_other text, p_origin text)
returns table (clock text)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
declare
  was text;
begin
  perform ${of('clock')}(null, 0, p_new, p_origin);
  select c.history into was from ${of('clock')} c;
  if was is distinct from p_history then
    perform ${of('durably')}();
    select c.history into was from ${of('clock')} c for update;
    if was = '' then
      update ${of('clock')} set history = p_history;
    elsif was <> p_history then
      update ${of('clock')} set history = p_history, id = p_other, floor = 0, given = 0;
      delete from ${of('stamps')};
      perform ${of('tell')}('t', '{}', p_origin);
    end if;
  end if;
  clock := ${of('clock_since')}(null, 0);
  return next;
end ${names.dollar};

-- One history of the data: the cluster, its timeline, which a promoted standby begins, and the table, which a restored dump makes anew.
create or replace function ${of('hello')}() returns table (history text, version integer, encoding text)
language plpgsql volatile set search_path = '' as ${names.dollar}
begin
  if pg_is_in_recovery() then raise exception 'a standby takes no writes' using errcode = '25006'; end if;
  version := ${schemaVersion};
  encoding := current_setting('server_encoding');
  begin
    history := (select s.system_identifier::text from pg_control_system() s) || '.' ||
      left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) || '.' || ${regclass(names)}::oid::text;
  exception when insufficient_privilege then
    history := null;
  end;
  return next;
end ${names.dollar};
`
}

/** Of everything in this folder that is made in the database. */
export const schemaVersion = 1
