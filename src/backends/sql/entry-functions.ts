import type { TableNames } from './table-names.ts'

// What is done to entries, a statement each. Every write ends the lease of its key, which is in the same row.
//
// Each writing function says for the length of its work that it tells of its changes itself (`quiet`), and turns that off again: it may have
// been called in a transaction of somebody's who goes on. Locks are waited for no longer than a second.
//
// A set whose caller has given up may still be on its way, and arrive after a later delete. So each set carries the life of the process
// that sent it, and takes a lock on it that others of that life share; before that process does anything else it ends the life
// (`<table>_end_life`), which waits for who has the lock and refuses who comes later.

/** Rows that whoever writes removes now and then. */
const rowsPerTrim = 500

export function entryFunctions(names: TableNames): string {
  const { of } = names
  const life = `hashtextextended(${names.literal('life')} || p_node, 0)`
  return `
create or replace function ${of('text')}(p_bytes bytea) returns text
language plpgsql immutable set search_path = '' as ${names.dollar}
declare
  result text;
begin
  result := convert_from(p_bytes, 'UTF8');
  if left(result, 1) = '~' then return '~' || translate(encode(p_bytes, 'base64'), E'\\n', ''); end if;
  return result;
exception when character_not_in_repertoire or untranslatable_character then
  return '~' || translate(encode(p_bytes, 'base64'), E'\\n', '');
end ${names.dollar};

create or replace function ${of('bytes')}(p_text text) returns bytea
language sql immutable set search_path = '' as ${names.dollar}
  select case when left(p_text, 1) = '~' then decode(substr(p_text, 2), 'base64') else convert_to(p_text, 'UTF8') end
${names.dollar};

-- For what must not be lost once it was answered, on a server that answers before it has written.
create or replace function ${of('durably')}() returns void
language plpgsql set search_path = '' as ${names.dollar}
begin
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'local', true);
  end if;
end ${names.dollar};

-- Stable: all of it sees one moment. Row 0 has the number of the last change, which is as new as what was read or newer.
create or replace function ${of('get')}(p_keys text[], p_clock boolean, p_id text, p_mark bigint)
returns table (n integer, body text, changes text, place text, clock text)
language plpgsql stable set search_path = '' as ${names.dollar}
begin
  return query select k.n::integer, ${of('text')}(e.value), null::text, null::text, null::text
    from unnest(p_keys) with ordinality as k(key, n) join ${of()} e on e.key = k.key
    where e.value is not null and e.expires_at > statement_timestamp();
  return query select 0, null::text, s.last_value::text,
    case when pg_is_in_recovery() then '' else left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end,
    case when p_clock then ${of('clock_since')}(p_id, p_mark) end
    from ${of('changes')} s;
end ${names.dollar};

create or replace function ${of('exists')}(p_key text) returns table (found boolean)
language sql stable set search_path = '' as ${names.dollar}
  select exists (select 1 from ${of()} where key = p_key and value is not null and expires_at > statement_timestamp())
${names.dollar};

create or replace function ${of('scan')}(p_prefix text, p_after text, p_limit integer)
returns table (key text, long_key text)
language sql stable set search_path = '' as ${names.dollar}
  select e.key, e.long_key from ${of()} e
  where e.key > p_after and e.key >= p_prefix and e.key <= p_prefix || repeat(chr(1114111), 8)
    and starts_with(e.key, p_prefix) and e.value is not null and e.expires_at > statement_timestamp()
  order by e.key limit p_limit
${names.dollar};

create or replace function ${of('set')}(
  p_key text, p_long text, p_value text, p_ttl double precision, p_node text, p_life bigint, p_origin text
) returns table (stored boolean)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
declare
  bytes bytea := ${of('bytes')}(p_value);
  until timestamptz;
begin
  perform pg_advisory_xact_lock_shared(${life});
  if exists (select 1 from ${of('ended')} where node = p_node and life >= p_life) then
    return query select false;
    return;
  end if;
  perform ${of('durably')}();
  perform set_config('speedrun_cache.quiet', 'on', true);
  until := clock_timestamp() + make_interval(secs => p_ttl);
  insert into ${of()} as e (key, long_key, value, expires_at) values (p_key, p_long, bytes, until)
    on conflict (key) do update set value = bytes, expires_at = until, lease = null, lease_until = null;
  perform set_config('speedrun_cache.quiet', '', true);
  perform ${of('tell')}('k', array[coalesce(p_long, p_key)], p_origin);
  return query select true;
end ${names.dollar};

-- In the order of the keys: two that delete the same ones wait for each other, and never in a circle. Told even if there was nothing: who has
-- read that there is nothing may be loading.
create or replace function ${of('delete')}(p_keys text[], p_told text[], p_origin text) returns table (existed integer)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
begin
  perform ${of('durably')}();
  perform set_config('speedrun_cache.quiet', 'on', true);
  return query
    with locked as materialized (select e.key from ${of()} e where e.key = any(p_keys) order by e.key for update),
    gone as (
      delete from ${of()} e using locked where e.key = locked.key
      returning e.value is not null and e.expires_at > clock_timestamp() as was
    )
    select count(*) filter (where gone.was)::integer from gone;
  perform set_config('speedrun_cache.quiet', '', true);
  perform ${of('tell')}('k', p_told, p_origin);
end ${names.dollar};

create or replace function ${of('end_life')}(p_node text, p_life bigint) returns table (done boolean)
language plpgsql volatile set search_path = '' set lock_timeout = '5s' as ${names.dollar}
begin
  perform ${of('durably')}();
  perform pg_advisory_xact_lock(${life});
  insert into ${of('ended')} as e (node, life, at) values (p_node, p_life, clock_timestamp())
    on conflict (node) do update set life = greatest(e.life, p_life), at = clock_timestamp();
  delete from ${of('ended')} where at < clock_timestamp() - interval '1 day';
  return query select true;
end ${names.dollar};

-- What is over by itself is not told: who keeps it knows when it ends.
create or replace function ${of('trim')}() returns table (removed integer)
language plpgsql volatile set search_path = '' as ${names.dollar}
declare
  at timestamptz := clock_timestamp();
begin
  perform set_config('synchronous_commit', 'off', true);
  perform set_config('speedrun_cache.quiet', 'on', true);
  return query
    with past as materialized (
      select e.key from ${of()} e
      where e.expires_at <= at and (e.lease_until is null or e.lease_until <= at)
      order by e.expires_at limit ${rowsPerTrim} for update skip locked
    ),
    gone as (delete from ${of()} e using past where e.key = past.key returning 1)
    select count(*)::integer from gone;
  perform set_config('speedrun_cache.quiet', '', true);
end ${names.dollar};
`
}
