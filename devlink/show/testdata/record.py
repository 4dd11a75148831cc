"""Records what devlink(8) prints of messages that are made here.

	gcc -shared -fPIC -o fake.so fake.c
	python3 record.py /usr/include/linux/devlink.h ./fake.so > iproute2-6.1.txt
"""
import os, re, shutil, struct, subprocess, sys, tempfile

header = re.sub(r'/\*.*?\*/', '', open(sys.argv[1]).read(), flags=re.S)
A = {}
for body in re.findall(r'enum\s*\w*\s*\{(.*?)\}', header, flags=re.S):
    body = re.sub(r'#define(.*\\\n)*.*', '', body)
    n = 0
    for item in body.split(','):
        item = item.strip()
        if not item: continue
        name, _, value = [x.strip() for x in item.partition('=')]
        if value:
            try: n = int(value, 0)
            except ValueError: continue
        A[name.replace('DEVLINK_', '', 1)] = n
        n += 1

def attr(name, payload=b''):
    kind = A[name] if isinstance(name, str) else name
    if isinstance(payload, list): payload = b''.join(payload)
    n = 4 + len(payload)
    return struct.pack('<HH', n, kind) + payload + b'\0' * (-n % 4)
def u8(name, v): return attr(name, struct.pack('<B', v))
def u16(name, v): return attr(name, struct.pack('<H', v))
def u32(name, v): return attr(name, struct.pack('<I', v))
def u64(name, v): return attr(name, struct.pack('<Q', v))
def s(name, v): return attr(name, v.encode() + b'\0')

def message(cmd, *attrs):
    body = struct.pack('<BBH', A['CMD_' + cmd], 1, 0) + b''.join(attrs)
    return struct.pack('<IHHII', 16 + len(body), 0x21, 2, 0, 0) + body + b'\0' * (-len(body) % 4)

family = struct.pack('<BBH', 1, 2, 0) + u16(1, 0x21) + s(2, 'devlink') + u32(3, 1) + u32(4, 0) + u32(5, 200) \
    + attr(7, attr(1, s(1, 'config') + u32(2, 5)))
family = struct.pack('<IHHII', 16 + len(family), 0x10, 0, 0, 0) + family

def record(replies, *commands, **kw):
    d = tempfile.mkdtemp()
    open(d + '/0', 'wb').write(family)
    for cmd, messages in replies.items():
        name = 'monitor' if cmd == 'monitor' else str(A['CMD_' + cmd])
        open(d + '/' + name, 'wb').write(b''.join(messages))
    for c in commands:
        r = subprocess.run(c.split(), capture_output=True, timeout=20, env=dict(os.environ, LD_PRELOAD=os.path.abspath(sys.argv[2]), FAKE_DEVLINK=d, TZ='UTC'))
        if r.returncode < 0: continue # a fault of the tool: it gives up in the middle
        print('# ' + c)
        sys.stdout.flush()
        sys.stdout.buffer.write(r.stdout)
        sys.stdout.buffer.flush()
    shutil.rmtree(d)

def three(c): return [c, c.replace('devlink', 'devlink -j', 1), c.replace('devlink', 'devlink -j -p', 1)]
def dev(name='netdevsim/netdevsim1'):
    bus, _, device = name.partition('/')
    return s('ATTR_BUS_NAME', bus) + s('ATTR_DEV_NAME', device)
def port(i, name='netdevsim/netdevsim1'): return dev(name) + u32('ATTR_PORT_INDEX', i)

# instances
def action(a, *limits):
    return attr('ATTR_RELOAD_ACTION_INFO', [u8('ATTR_RELOAD_ACTION', a), attr('ATTR_RELOAD_ACTION_STATS', [
        attr('ATTR_RELOAD_STATS_ENTRY', [u8('ATTR_RELOAD_STATS_LIMIT', l), u32('ATTR_RELOAD_STATS_VALUE', v)]) for l, v in limits])])
def dev_stats(local, remote):
    return attr('ATTR_DEV_STATS', [attr('ATTR_RELOAD_STATS', local), attr('ATTR_REMOTE_RELOAD_STATS', remote)])
st1 = dev_stats([action(1, (0, 3))], [action(1, (0, 0)), action(2, (0, 1), (1, 4294967295))])
st2 = dev_stats([action(1, (0, 3)), action(2, (0, 0), (1, 7))], [action(1, (0, 0)), action(2, (0, 1), (1, 2))])
devs = [message('NEW', dev(), u8('ATTR_RELOAD_FAILED', 0), st1),
        message('NEW', dev('pci/0000:01:00.0'), u8('ATTR_RELOAD_FAILED', 1), st2),
        message('NEW', dev('auxiliary/mlx5_core.sf.4'), u8('ATTR_RELOAD_FAILED', 1)),
        message('NEW', dev('pci/0000:02:00.0'), u8('ATTR_RELOAD_FAILED', 0))]
record({'GET': devs}, *three('devlink dev show'), *three('devlink -s dev show'), *three('devlink -v dev show'))
record({'GET': [message('NEW', dev(), u8('ATTR_RELOAD_FAILED', 0), dev_stats([], [action(1, (0, 0)), action(2, (0, 0), (1, 0))]))]}, *three('devlink -s dev show'))
record({'GET': devs[3:]}, *three('devlink -s dev show'))
record({}, *three('devlink dev show'))

# ports
def fn(*a): return attr('ATTR_PORT_FUNCTION', list(a))
mac = bytes([0, 0, 0x5e, 0, 0x53, 1])
def fmac(m=mac): return attr('PORT_FUNCTION_ATTR_HW_ADDR', m)
physical = u16('ATTR_PORT_FLAVOUR', 0)
ports = [
    message('PORT_NEW', port(0), u16('ATTR_PORT_TYPE', 2), s('ATTR_PORT_NETDEV_NAME', 'eth0'), u32('ATTR_PORT_NETDEV_IFINDEX', 7), physical, u32('ATTR_PORT_NUMBER', 1), u8('ATTR_PORT_SPLITTABLE', 0)),
    message('PORT_NEW', port(1), u16('ATTR_PORT_TYPE', 0), physical, u32('ATTR_PORT_NUMBER', 2), u32('ATTR_PORT_LANES', 4), u8('ATTR_PORT_SPLITTABLE', 1)),
    message('PORT_NEW', port(2), u16('ATTR_PORT_TYPE', 1), u16('ATTR_PORT_DESIRED_TYPE', 3)),
    message('PORT_NEW', port(3), u16('ATTR_PORT_TYPE', 3), u16('ATTR_PORT_DESIRED_TYPE', 3), s('ATTR_PORT_IBDEV_NAME', 'mlx5_0')),
    message('PORT_NEW', port(4), u16('ATTR_PORT_TYPE', 2), u16('ATTR_PORT_DESIRED_TYPE', 2), s('ATTR_PORT_NETDEV_NAME', 'swp1s1'), physical, u32('ATTR_PORT_NUMBER', 1), u32('ATTR_PORT_SPLIT_GROUP', 1), u32('ATTR_PORT_SPLIT_SUBPORT_NUMBER', 1), u32('ATTR_PORT_LANES', 1), u8('ATTR_PORT_SPLITTABLE', 0), u32('ATTR_LINECARD_INDEX', 8)),
    message('PORT_NEW', port(5), u16('ATTR_PORT_TYPE', 0), u16('ATTR_PORT_FLAVOUR', 1), u32('ATTR_PORT_NUMBER', 5), u8('ATTR_PORT_SPLITTABLE', 0)),
    message('PORT_NEW', port(6), u16('ATTR_PORT_TYPE', 0), u16('ATTR_PORT_FLAVOUR', 2), u32('ATTR_PORT_NUMBER', 6), u8('ATTR_PORT_SPLITTABLE', 0)),
    message('PORT_NEW', port(7, 'pci/0000:01:00.0'), u16('ATTR_PORT_TYPE', 2), s('ATTR_PORT_NETDEV_NAME', 'pf0'), u16('ATTR_PORT_FLAVOUR', 3), u32('ATTR_PORT_CONTROLLER_NUMBER', 0), u16('ATTR_PORT_PCI_PF_NUMBER', 0), u8('ATTR_PORT_EXTERNAL', 0), fn(fmac()), u8('ATTR_PORT_SPLITTABLE', 0)),
    message('PORT_NEW', port(8, 'pci/0000:01:00.0'), u16('ATTR_PORT_TYPE', 2), s('ATTR_PORT_NETDEV_NAME', 'pf0vf3'), u16('ATTR_PORT_FLAVOUR', 4), u32('ATTR_PORT_CONTROLLER_NUMBER', 1), u16('ATTR_PORT_PCI_PF_NUMBER', 0), u16('ATTR_PORT_PCI_VF_NUMBER', 3), u8('ATTR_PORT_EXTERNAL', 1), u8('ATTR_PORT_SPLITTABLE', 0)),
    message('PORT_NEW', port(9, 'pci/0000:01:00.0'), u16('ATTR_PORT_TYPE', 2), s('ATTR_PORT_NETDEV_NAME', 'pf0sf88'), u16('ATTR_PORT_FLAVOUR', 7), u32('ATTR_PORT_CONTROLLER_NUMBER', 0), u16('ATTR_PORT_PCI_PF_NUMBER', 1), u32('ATTR_PORT_PCI_SF_NUMBER', 88), u8('ATTR_PORT_EXTERNAL', 0), u8('ATTR_PORT_SPLITTABLE', 0), fn(fmac(), u8('PORT_FN_ATTR_STATE', 0), u8('PORT_FN_ATTR_OPSTATE', 0))),
    message('PORT_NEW', port(10, 'pci/0000:01:00.0'), u16('ATTR_PORT_TYPE', 0), u16('ATTR_PORT_FLAVOUR', 7), u32('ATTR_PORT_CONTROLLER_NUMBER', 0), u16('ATTR_PORT_PCI_PF_NUMBER', 1), u32('ATTR_PORT_PCI_SF_NUMBER', 89), u8('ATTR_PORT_EXTERNAL', 0), u8('ATTR_PORT_SPLITTABLE', 0), fn(u8('PORT_FN_ATTR_STATE', 1), u8('PORT_FN_ATTR_OPSTATE', 1))),
    message('PORT_NEW', port(11, 'pci/0000:01:00.0'), u16('ATTR_PORT_TYPE', 3), u16('ATTR_PORT_FLAVOUR', 5), u8('ATTR_PORT_SPLITTABLE', 0), fn(fmac(bytes(range(20))))),
    message('PORT_NEW', port(12, 'pci/0000:01:00.0'), u16('ATTR_PORT_TYPE', 0), u16('ATTR_PORT_FLAVOUR', 6), u8('ATTR_PORT_SPLITTABLE', 0)),
]
record({'PORT_GET': ports}, *three('devlink port show'), *three('devlink -n port show'), *three('devlink -v -s port show'))
record({'PORT_GET': [message('PORT_NEW', port(13), u16('ATTR_PORT_TYPE', 0), u16('ATTR_PORT_FLAVOUR', 4), fn())]}, *three('devlink port show netdevsim/netdevsim1/13'))

# parameters
def param(name, generic, kind, *values, where=None):
    return [where or dev(), attr('ATTR_PARAM', [s('ATTR_PARAM_NAME', name)] + ([attr('ATTR_PARAM_GENERIC')] if generic else []) + [u8('ATTR_PARAM_TYPE', kind),
        attr('ATTR_PARAM_VALUES_LIST', [attr('ATTR_PARAM_VALUE', [u8('ATTR_PARAM_VALUE_CMODE', c)] + ([v] if v is not None else [])) for c, v in values])])]
D = 'ATTR_PARAM_VALUE_DATA'
params = [param('max_macs', 1, 3, (1, u32(D, 32))), param('test1', 0, 6, (1, attr(D))), param('test2', 0, 6, (0, None), (2, attr(D))),
          param('text', 0, 5, (0, s(D, 'a b "c"')), (2, s(D, ''))), param('escapes', 0, 5, (0, s(D, "t\tn\nr\rb\bf\fq'b\\s/ü"))),
          param('fw_load_policy', 1, 1, (2, u8(D, 1)), (0, u8(D, 0))),
          param('reset_dev_on_drv_probe', 1, 1, (0, u8(D, 3))),
          param('small', 0, 2, (0, u16(D, 65535)), (1, u16(D, 0)), where=dev('pci/0000:01:00.0')),
          param('enable_sriov', 1, 6, (2, attr(D)), where=dev())]
record({'PARAM_GET': [message('PARAM_GET', *p) for p in params]}, *three('devlink dev param show'))
record({'PORT_PARAM_GET': [message('PORT_PARAM_GET', *param('test1', 0, 3, (0, u32(D, 1)), where=port(1))), message('PORT_PARAM_GET', *param('test2', 0, 3, (0, u32(D, 1)), where=port(1))), message('PORT_PARAM_GET', *param('test2', 0, 3, (0, u32(D, 1)), where=port(2)))]}, *three('devlink port param show'))
record({}, *three('devlink dev param show'))

# resources
MAX = 2 ** 64 - 1
def resource(name, id, size, *children, new=None, valid=None, occ=None, low=0, high=MAX, gran=1):
    a = [s('ATTR_RESOURCE_NAME', name), u64('ATTR_RESOURCE_SIZE', size), u64('ATTR_RESOURCE_ID', id)]
    if new is not None: a += [u64('ATTR_RESOURCE_SIZE_NEW', new)]
    if occ is not None: a += [u64('ATTR_RESOURCE_OCC', occ)]
    if valid is not None: a += [u8('ATTR_RESOURCE_SIZE_VALID', valid)]
    a += [u64('ATTR_RESOURCE_SIZE_GRAN', gran), u64('ATTR_RESOURCE_SIZE_MAX', high), u64('ATTR_RESOURCE_SIZE_MIN', low), u8('ATTR_RESOURCE_UNIT', 0)]
    if children: a += [attr('ATTR_RESOURCE_LIST', list(children))]
    return attr('ATTR_RESOURCE', a)
tree = attr('ATTR_RESOURCE_LIST', [
    resource('kvd', 1, 245760, resource('linear', 2, 98304, resource('singles', 5, 16384, occ=0, low=0, high=159744, gran=1), resource('chunks', 6, 49152, low=0, high=159744, gran=32, new=4096), occ=12, low=0, high=159744, gran=128, valid=0),
             resource('hash_double', 3, 60416, low=32768, high=180224, gran=128), low=245760, high=245760, gran=128, valid=1),
    resource('span_agents', 7, 3, occ=0, low=3, high=3), resource('free', 8, MAX, new=MAX, occ=MAX)])
table = message('DPIPE_TABLE_GET', dev(), attr('ATTR_DPIPE_TABLES', [attr('ATTR_DPIPE_TABLE', [s('ATTR_DPIPE_TABLE_NAME', n), u64('ATTR_DPIPE_TABLE_SIZE', 10), attr('ATTR_DPIPE_TABLE_MATCHES'), attr('ATTR_DPIPE_TABLE_ACTIONS'),
    u8('ATTR_DPIPE_TABLE_COUNTERS_ENABLED', 0), u64('ATTR_DPIPE_TABLE_RESOURCE_ID', r), u64('ATTR_DPIPE_TABLE_RESOURCE_UNITS', 1)]) for n, r in (('mlxsw_host4', 3), ('mlxsw_host6', 3), ('mlxsw_adj', 5))]))
for t in [], [table]:
    record({'RESOURCE_DUMP': [message('RESOURCE_DUMP', dev(), tree)], 'DPIPE_TABLE_GET': t},
           *three('devlink resource show netdevsim/netdevsim1'), *three('devlink -v resource show netdevsim/netdevsim1'))

# regions
def region(name, size, *ids, where=None, most=None):
    a = [where or dev(), s('ATTR_REGION_NAME', name), u64('ATTR_REGION_SIZE', size)]
    a += [attr('ATTR_REGION_SNAPSHOTS', [attr('ATTR_REGION_SNAPSHOT', u32('ATTR_REGION_SNAPSHOT_ID', i)) for i in ids])]
    if most is not None: a += [u32('ATTR_REGION_MAX_SNAPSHOTS', most)]
    return a
regions = [message('REGION_GET', *region('vast', MAX, most=4294967295)), message('REGION_GET', *region('dummy', 32768, 0, 25, 1, most=16)), message('REGION_GET', *region('empty', 0, most=16)),
           message('REGION_GET', *region('cr-space', 1048576, 4294967295, where=dev('pci/0000:01:00.0'))), message('REGION_GET', *region('on-port', 8, where=port(3, 'pci/0000:01:00.0'), most=1))]
record({'REGION_GET': regions}, *three('devlink region show'))
record({'REGION_NEW': [message('REGION_NEW', dev(), s('ATTR_REGION_NAME', 'dummy'), u32('ATTR_REGION_SNAPSHOT_ID', 7))]}, *three('devlink region new netdevsim/netdevsim1/dummy'))
def chunks(*list): return message('REGION_READ', dev(), s('ATTR_REGION_NAME', 'dummy'), attr('ATTR_REGION_CHUNKS', [attr('ATTR_REGION_CHUNK', [attr('ATTR_REGION_CHUNK_DATA', d), u64('ATTR_REGION_CHUNK_ADDR', a)]) for a, d in list]))
data = bytes((i * 7 + 3) & 255 for i in range(300))
for m in ([chunks((0, data[:256])), chunks((256, data[256:300]))], [chunks((16, data[:5]))], [chunks((5, data[:21]))], [chunks((0, data[:5]), (32, data[:5]))], [chunks((0, data[:20])), chunks((64, data[:16]), (80, data[:1]))], [chunks((0, data[:5]), (5, data[5:30])), chunks((30, data[30:32]))], []):
    record({'REGION_READ': m}, *three('devlink region dump netdevsim/netdevsim1/dummy snapshot 1'), *three('devlink region read netdevsim/netdevsim1/dummy snapshot 1 address 0 length 256'))

# health
def reporter(name, state, err, rec, where=None, ts=None, grace=None, auto=None, dump=None):
    a = [s('ATTR_HEALTH_REPORTER_NAME', name), u8('ATTR_HEALTH_REPORTER_STATE', state), u64('ATTR_HEALTH_REPORTER_ERR_COUNT', err), u64('ATTR_HEALTH_REPORTER_RECOVER_COUNT', rec)]
    if grace is not None: a += [u64('ATTR_HEALTH_REPORTER_GRACEFUL_PERIOD', grace)]
    if auto is not None: a += [u8('ATTR_HEALTH_REPORTER_AUTO_RECOVER', auto)]
    if ts is not None: a += [u64('ATTR_HEALTH_REPORTER_DUMP_TS', 5), u64('ATTR_HEALTH_REPORTER_DUMP_TS_NS', ts)]
    if dump is not None: a += [u8('ATTR_HEALTH_REPORTER_AUTO_DUMP', dump)]
    return [where or dev(), attr('ATTR_HEALTH_REPORTER', a)]
reporters = [reporter('empty', 0, 0, 0, dump=1), reporter('dummy', 1, 3, 2, grace=5000, auto=1, dump=0), reporter('fw', 0, 1, 1, where=dev('pci/0000:01:00.0'), grace=0, auto=0),
             reporter('tx', 1, 1, 1, where=port(1, 'pci/0000:01:00.0'), grace=500, auto=1, dump=1), reporter('rx', 0, MAX, 0, where=port(1, 'pci/0000:01:00.0')), reporter('old', 1, 2, 1, where=port(1, 'pci/0000:01:00.0'), ts=1600000000 * 10**9 + 5, grace=MAX, auto=1), reporter('rx', 0, 0, 0, where=port(2, 'pci/0000:01:00.0'))]
record({'HEALTH_REPORTER_GET': [message('HEALTH_REPORTER_GET', *r) for r in reporters]}, *three('devlink health show'), *three('devlink -n health show'))
def f(kind): return attr('ATTR_FMSG_' + kind)
def pair(name, *value): return [f('PAIR_NEST_START'), s('ATTR_FMSG_OBJ_NAME', name)] + list(value) + [f('NEST_END')]
def value(kind, payload): return [u8('ATTR_FMSG_OBJ_VALUE_TYPE', kind), payload]
V = 'ATTR_FMSG_OBJ_VALUE_DATA'
def flat(x): return b''.join(flat(i) if isinstance(i, (list, tuple)) else i for i in x)
fmsg1 = flat([f('OBJ_NEST_START'),
    pair('test_bool', value(6, u8(V, 1))), pair('test_u8', value(1, u8(V, 3))), pair('test_u32', value(3, u32(V, 4))), pair('test_u64', value(4, u64(V, 5))), pair('test_string', value(10, s(V, 'a "b"'))),
    pair('test_binary', f('ARR_NEST_START'), *value(11, attr(V, bytes(range(40)) + bytes([255]))), f('NEST_END')),
    pair('test_nest', f('OBJ_NEST_START'), *pair('in_bool', value(6, u8(V, 0))), *pair('in_u8', value(1, u8(V, 3))), f('NEST_END')),
    pair('array', f('ARR_NEST_START'), *value(3, u32(V, 7)), *value(3, u32(V, 8)), f('NEST_END')),
    pair('objects', f('ARR_NEST_START'), f('OBJ_NEST_START'), *pair('qid', value(3, u32(V, 0))), *pair('sn', value(3, u32(V, 9))), f('NEST_END'), f('OBJ_NEST_START'), *pair('qid', value(3, u32(V, 1))), *pair('sn', value(3, u32(V, 10))), f('NEST_END'), f('NEST_END')),
    pair('last', value(3, u32(V, 11))), f('NEST_END')])
fmsg2 = flat([f('OBJ_NEST_START'), pair('Common config', f('OBJ_NEST_START'), *pair('SQ', f('OBJ_NEST_START'), *pair('stride size', value(4, u64(V, 64))), *pair('size', value(3, u32(V, 1024))), f('NEST_END')), *pair('CQ', f('OBJ_NEST_START'), *pair('size', value(3, u32(V, 1024))), f('NEST_END')), f('NEST_END')),
              pair('SQs', f('ARR_NEST_START'), f('OBJ_NEST_START'), *pair('channel ix', value(3, u32(V, 0))), f('NEST_END'), f('OBJ_NEST_START'), *pair('channel ix', value(3, u32(V, 1))), f('NEST_END'), f('NEST_END')), f('NEST_END')])
fmsg4 = flat([f('OBJ_NEST_START'), pair('empty', f('OBJ_NEST_START'), f('NEST_END')), pair('none', f('ARR_NEST_START'), f('NEST_END')), pair('n', value(3, u32(V, 1))), pair('lists', f('ARR_NEST_START'), f('ARR_NEST_START'), *value(3, u32(V, 1)), f('NEST_END'), f('ARR_NEST_START'), *value(10, s(V, 'x')), f('NEST_END'), f('NEST_END')), pair('end', value(10, s(V, 'y'))), f('NEST_END')])
fmsg5 = flat([f('OBJ_NEST_START'), pair('a', value(3, u32(V, 1))), pair('short', f('ARR_NEST_START'), *value(11, attr(V, bytes([1, 2, 255]))), f('NEST_END')), pair('line', f('ARR_NEST_START'), *value(11, attr(V, bytes(range(16)))), f('NEST_END')), pair('b', value(3, u32(V, 2))),
    pair('lines', f('ARR_NEST_START'), *value(11, attr(V, bytes(range(32)))), f('NEST_END')), pair('in', f('OBJ_NEST_START'), *pair('bin', f('ARR_NEST_START'), *value(11, attr(V, bytes(range(20)))), f('NEST_END')), *pair('c', value(6, u8(V, 1))), f('NEST_END')),
    pair('both', f('ARR_NEST_START'), *value(3, u32(V, 7)), f('OBJ_NEST_START'), *pair('x', value(3, u32(V, 9))), f('NEST_END'), *value(3, u32(V, 8)), f('NEST_END')), f('NEST_END')])
fmsg3 = flat([f('OBJ_NEST_START'), f('NEST_END')])
for m in fmsg1, fmsg2, fmsg3, fmsg4, fmsg5:
    record({'HEALTH_REPORTER_DIAGNOSE': [message('HEALTH_REPORTER_DIAGNOSE', dev(), attr('ATTR_FMSG', m))], 'HEALTH_REPORTER_DUMP_GET': [message('HEALTH_REPORTER_DUMP_GET', dev(), attr('ATTR_FMSG', m))]},
           *three('devlink health diagnose netdevsim/netdevsim1 reporter dummy'), *three('devlink health dump show netdevsim/netdevsim1 reporter dummy'))

# traps
def stats(packets=None, bytes=None, dropped=None):
    a = []
    if dropped is not None: a += [u64('ATTR_STATS_RX_DROPPED', dropped)]
    if packets is not None: a += [u64('ATTR_STATS_RX_PACKETS', packets), u64('ATTR_STATS_RX_BYTES', bytes)]
    return attr('ATTR_STATS', a)
def trap(name, kind, generic, act, group, *meta, where=None, st=None):
    return [where or dev(), s('ATTR_TRAP_GROUP_NAME', group), s('ATTR_TRAP_NAME', name), u8('ATTR_TRAP_TYPE', kind)] + ([attr('ATTR_TRAP_GENERIC')] if generic else []) + [u8('ATTR_TRAP_ACTION', act),
        attr('ATTR_TRAP_METADATA', [attr(m) for m in meta]), st or stats(12, 34)]
IN, FA = 'ATTR_TRAP_METADATA_TYPE_IN_PORT', 'ATTR_TRAP_METADATA_TYPE_FA_COOKIE'
traps = [trap('source_mac_is_multicast', 0, 1, 0, 'l2_drops', IN), trap('fid_miss', 1, 0, 1, 'l2_drops', IN, st=stats(0, 0, 9)), trap('ingress_flow_action_drop', 0, 1, 0, 'acl_drops', IN, FA),
         trap('igmp_query', 2, 1, 2, 'mc_snooping', where=dev('pci/0000:01:00.0')), trap('most', 2, 0, 2, 'g', where=dev('pci/0000:01:00.0'), st=stats(MAX, 4294967296, MAX))]
record({'TRAP_GET': [message('TRAP_NEW', *t) for t in traps]}, *three('devlink trap show'), *three('devlink -s trap show'), *three('devlink -v trap show'), *three('devlink -s -v trap show'))
def group(name, generic, policer=None):
    return [dev(), s('ATTR_TRAP_GROUP_NAME', name)] + ([attr('ATTR_TRAP_GENERIC')] if generic else []) + ([u32('ATTR_TRAP_POLICER_ID', policer)] if policer is not None else []) + [stats(1, 2)]
groups = [group('l2_drops', 1), group('l3_drops', 1, 1), group('own', 0, 2)]
record({'TRAP_GROUP_GET': [message('TRAP_GROUP_NEW', *g) for g in groups]}, *three('devlink trap group show'), *three('devlink -s trap group show'), *three('devlink -v trap group show'))
def policer(id, rate, burst, st=None): return [dev(), u32('ATTR_TRAP_POLICER_ID', id), u64('ATTR_TRAP_POLICER_RATE', rate), u64('ATTR_TRAP_POLICER_BURST', burst)] + ([st] if st else [])
policers = [policer(1, 1000, 128, stats(dropped=0)), policer(2, MAX, 256, stats(dropped=77)), policer(3, 3000, 512)]
record({'TRAP_POLICER_GET': [message('TRAP_POLICER_NEW', *p) for p in policers]}, *three('devlink trap policer show'), *three('devlink -s trap policer show'))

# info, rate and what a reload has done
def version(kind, k, v): return attr('ATTR_INFO_VERSION_' + kind, [s('ATTR_INFO_VERSION_NAME', k), s('ATTR_INFO_VERSION_VALUE', v)])
infos = [message('INFO_GET', dev(), s('ATTR_INFO_DRIVER_NAME', 'netdevsim'), version('RUNNING', 'fw.mgmt', '10.20.30'), version('STORED', 'fw.mgmt', '10.20.30'), version('STORED', 'fw', '1')),
         message('INFO_GET', dev('pci/0000:01:00.0'), s('ATTR_INFO_DRIVER_NAME', 'nfp'), s('ATTR_INFO_SERIAL_NUMBER', '00:15'), s('ATTR_INFO_BOARD_SERIAL_NUMBER', 'B12'), version('FIXED', 'board.id', 'AMDA0081'))]
record({'INFO_GET': infos}, *three('devlink dev info'))
def rate(where, kind, *a): return message('RATE_NEW', where, u16('ATTR_RATE_TYPE', kind), *a)
rates = [rate(port(1), 0, u64('ATTR_RATE_TX_SHARE', 1250000), u64('ATTR_RATE_TX_MAX', 12500000), s('ATTR_RATE_PARENT_NODE_NAME', 'g1')), rate(port(2), 0, u64('ATTR_RATE_TX_SHARE', 0), u64('ATTR_RATE_TX_MAX', 0)),
         rate(dev() + s('ATTR_RATE_NODE_NAME', 'g1'), 1, u64('ATTR_RATE_TX_SHARE', 0), u64('ATTR_RATE_TX_MAX', 125000000), s('ATTR_RATE_PARENT_NODE_NAME', 'g2')), rate(dev() + s('ATTR_RATE_NODE_NAME', 'g2'), 1)] + [
    rate(port(3 + i), 0, u64('ATTR_RATE_TX_MAX', v)) for i, v in enumerate((1, 124, 125, 126, 1500, 124999, 125000, 125001, 187500, 1875000, 12345678, 125000000, 187500000000, 125000000000000, 2000000000000000))]
record({'RATE_GET': rates}, *three('devlink port function rate show'))
record({'RELOAD': [message('RELOAD', dev(), attr('ATTR_RELOAD_ACTIONS_PERFORMED', struct.pack('<II', 6, 6)))]}, *three('devlink dev reload netdevsim/netdevsim1 action fw_activate'))

# monitor
def status(cmd, *a): return message(cmd, dev(), *a)
mon = [message('NEW', dev(), u8('ATTR_RELOAD_FAILED', 0), st1), ports[0], ports[9], message('PORT_DEL', port(1), u16('ATTR_PORT_TYPE', 0), physical, u32('ATTR_PORT_NUMBER', 2)),
       *[message('TRAP_POLICER_NEW', *p) for p in policers], *[message('TRAP_GROUP_NEW', *g) for g in groups], *[message('TRAP_NEW', *t) for t in traps], message('TRAP_DEL', *traps[0]),
       message('TRAP_GROUP_DEL', *groups[0]), message('TRAP_POLICER_DEL', *policers[0]),
       message('REGION_NEW', *region('dummy', 32768, 1, 2, most=16)), message('REGION_NEW', dev(), s('ATTR_REGION_NAME', 'dummy'), u32('ATTR_REGION_SNAPSHOT_ID', 25)), message('REGION_DEL', dev(), s('ATTR_REGION_NAME', 'dummy'), u32('ATTR_REGION_SNAPSHOT_ID', 25)), message('REGION_DEL', dev(), s('ATTR_REGION_NAME', 'dummy')),
       message('PARAM_NEW', *params[0]), message('PARAM_NEW', *params[2]), message('PARAM_DEL', *params[1]), message('PORT_PARAM_NEW', *param('test1', 0, 3, (0, u32(D, 1)), where=port(1))),
       message('HEALTH_REPORTER_RECOVER', *reporters[1]), message('HEALTH_REPORTER_RECOVER', *reporters[3]),
       message('RATE_NEW', port(1), u16('ATTR_RATE_TYPE', 0)), message('ESWITCH_SET', dev(), u16('ATTR_ESWITCH_MODE', 1)),
       status('FLASH_UPDATE'), status('FLASH_UPDATE_STATUS', s('ATTR_FLASH_UPDATE_STATUS_MSG', 'Preparing to flash'), s('ATTR_FLASH_UPDATE_COMPONENT', 'fw.mgmt'), u64('ATTR_FLASH_UPDATE_STATUS_DONE', 0), u64('ATTR_FLASH_UPDATE_STATUS_TOTAL', 0)),
       status('FLASH_UPDATE_STATUS', s('ATTR_FLASH_UPDATE_STATUS_MSG', 'Flashing'), u64('ATTR_FLASH_UPDATE_STATUS_DONE', 10), u64('ATTR_FLASH_UPDATE_STATUS_TOTAL', 500000), u64('ATTR_FLASH_UPDATE_STATUS_TIMEOUT', 81)), status('FLASH_UPDATE_END'),
       message('NEW', dev('pci/0000:01:00.0'), u8('ATTR_RELOAD_FAILED', 1), st2), message('DEL', dev(), u8('ATTR_RELOAD_FAILED', 0))]
for m in mon:
    record({'monitor': [m]}, *three('devlink monitor'))
record({'monitor': mon[:4] + mon[8:12]}, *three('devlink monitor'))
record({'monitor': mon[8:9]}, *three('devlink -v monitor'))
# what follows a health reporter moves to the right, and its JSON is none
i = [n for n, m in enumerate(mon) if m[16] == A['CMD_HEALTH_REPORTER_RECOVER']]
record({'monitor': [mon[0], mon[i[0]], mon[0], mon[1], mon[2], mon[i[1]], mon[2], mon[3]] + mon[8:12] + mon[19:26] + [mon[i[0]], mon[i[1]], mon[0]]}, 'devlink monitor')
