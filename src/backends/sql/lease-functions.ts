import type { TableNames } from './table-names.ts'

// Who may load a key. A lease is in the row of its key; where there is none, a row without a value is made for it. Granting, prolonging and
// filling are each one statement on that row, so they have an order with every other write of it, whoever makes it. They need not
// survive a crash: a fill that is lost, or a lease, is a load more; what was invalidated before is written before them all the same.

export function leaseFunctions(names: TableNames): string {
  const { of } = names
  const soon = `perform set_config('synchronous_commit', 'off', true);`
  return `
create or replace function ${of('acquire')}(
  p_key text, p_long text, p_token text, p_lease_ms double precision, p_seen text, p_despite text, p_origin text
) returns table (kind text, wait_ms double precision, holder text, changes text)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
declare
  was bytea;
  ends timestamptz;
  who text;
  until timestamptz;
  answer text;
  at timestamptz;
  lives boolean;
  begins bytea := ${of('bytes')}(p_seen);
begin
  ${soon}
  perform set_config('speedrun_cache.quiet', 'on', true);
  loop
    if p_seen is null or p_despite = 'anyone' then
      at := clock_timestamp();
      insert into ${of()} (key, long_key, expires_at, lease, lease_until)
        values (p_key, p_long, at, p_token, at + make_interval(secs => p_lease_ms / 1000))
        on conflict (key) do nothing;
      if found then
        answer := 'granted';
        exit;
      end if;
    end if;
    select e.value, e.expires_at, e.lease, e.lease_until into was, ends, who, until from ${of()} e where e.key = p_key for update;
    if not found then
      if p_seen is null or p_despite = 'anyone' then continue; end if;
      answer := 'changed';
      exit;
    end if;
    at := clock_timestamp();
    lives := was is not null and ends > at;
    if p_despite <> 'anyone' then
      if (lives and (p_seen is null or substring(was from 1 for octet_length(begins)) <> begins))
        or (not lives and p_seen is not null) then
        answer := 'changed';
        exit;
      end if;
      if who is not null and until > at then
        answer := 'held';
        exit;
      end if;
      if who is null and until > at and p_despite = 'nothing' then
        answer := 'paused';
        exit;
      end if;
    end if;
    update ${of()} set lease = p_token, lease_until = at + make_interval(secs => p_lease_ms / 1000) where key = p_key;
    -- Whoever had it hears that it is over.
    if who is not null and until > at then
      perform ${of('tell')}('k', array[coalesce(p_long, p_key)], p_origin);
    end if;
    answer := 'granted';
    exit;
  end loop;
  perform set_config('speedrun_cache.quiet', '', true);
  return query select answer,
    case when answer in ('held', 'paused') then extract(epoch from until - at)::double precision * 1000 end,
    case when answer = 'held' then who end,
    (select last_value::text from ${of('changes')});
end ${names.dollar};

create or replace function ${of('renew')}(p_key text, p_token text, p_lease_ms double precision) returns table (held boolean)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
begin
  ${soon}
  perform set_config('speedrun_cache.quiet', 'on', true);
  update ${of()} set lease_until = clock_timestamp() + make_interval(secs => p_lease_ms / 1000)
    where key = p_key and lease = p_token and lease_until > clock_timestamp();
  held := found;
  perform set_config('speedrun_cache.quiet', '', true);
  return next;
end ${names.dollar};

create or replace function ${of('fill')}(
  p_key text, p_long text, p_token text, p_value text, p_ttl double precision, p_origin text
) returns table (filled boolean)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
declare
  bytes bytea := ${of('bytes')}(p_value);
begin
  ${soon}
  perform set_config('speedrun_cache.quiet', 'on', true);
  update ${of()} set value = bytes, expires_at = clock_timestamp() + make_interval(secs => p_ttl),
    lease = null, lease_until = null
    where key = p_key and lease = p_token and lease_until > clock_timestamp();
  filled := found;
  perform set_config('speedrun_cache.quiet', '', true);
  if filled then perform ${of('tell')}('k', array[coalesce(p_long, p_key)], p_origin); end if;
  return next;
end ${names.dollar};

create or replace function ${of('release')}(
  p_key text, p_long text, p_token text, p_pause_ms double precision, p_origin text
) returns table (released boolean)
language plpgsql volatile set search_path = '' set lock_timeout = '1s' as ${names.dollar}
begin
  ${soon}
  perform set_config('speedrun_cache.quiet', 'on', true);
  update ${of()} set lease = null, lease_until = clock_timestamp() + make_interval(secs => p_pause_ms / 1000)
    where key = p_key and lease = p_token and lease_until > clock_timestamp();
  released := found;
  perform set_config('speedrun_cache.quiet', '', true);
  if released then perform ${of('tell')}('k', array[coalesce(p_long, p_key)], p_origin); end if;
  return next;
end ${names.dollar};
`
}
