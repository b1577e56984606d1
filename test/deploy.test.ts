// What stands in deploy/ and the Dockerfile, held against the engine and against
// each other. No container runs here; docs/deployment.md says what was tried by hand.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

import { environmentName, loadConfig } from '../engine/config.ts'
import { EngineSettings } from '../engine/config-file.ts'
import { createTestEngine, newFolder, shareEngine } from './helpers.ts'

const root = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
// Anchors of YAML 1.1 (`<<`), as Compose and Kubernetes read them. Files of every shape are looked into.
// oxlint-disable-next-line typescript/no-explicit-any
const readYaml = (path: string): any => parse(read(path), { merge: true })

const manifest = JSON.parse(read('package.json')) as { version: string; scripts: { start: string } }
/** `node …` as `npm start` runs it. */
const start = manifest.scripts.start.replace(/^exec /, '').split(' ')
const dockerfile = read('Dockerfile')
const unit = read('deploy/patchcord.service')
const balancer = read('deploy/haproxy.cfg')
const compose = readYaml('deploy/compose.yaml')
const kubernetes = 'deploy/kubernetes'
const manifests = readdirSync(join(root, kubernetes)).filter(
  name => name.endsWith('.yaml') && name !== 'kustomization.yaml',
)
const deployment = readYaml(`${kubernetes}/deployment.yaml`)
const pod = deployment.spec.template.spec
const [container] = pod.containers
const { port } = loadConfig({}, '/nowhere')
/** The longest that an engine takes to stop, s (contract, section 1). */
const stopTakes = 10

/** Without comments and continued lines. */
const lines = (text: string): string[] =>
  text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')

/** Values of `KEY value` or `KEY=value` lines, in their order. */
const valuesOf = (text: string, key: string): string[] =>
  lines(text)
    .filter(line => line.startsWith(`${key} `) || line.startsWith(`${key}=`))
    .map(line => line.slice(key.length + 1))

const seconds = (text: string): number => Number(/^(\d+)s?$/.exec(text)?.[1])
const healthCheck = JSON.parse(/CMD (\[.*\])$/.exec(valuesOf(dockerfile, 'HEALTHCHECK')[0]!)![1]!) as string[]

describe('everywhere', () => {
  test('the command is the one of npm start', () => {
    expect(start[0]).toBe('node')
    expect(JSON.parse(valuesOf(dockerfile, 'CMD').at(-1)!)).toEqual(start)
    const [program, ...args] = valuesOf(unit, 'ExecStart')[0]!.split(' ')
    expect(program).toBe(`${valuesOf(unit, 'WorkingDirectory')[0]}/node_modules/.bin/node`)
    expect(args).toEqual(start.slice(1))
    // Nobody puts another one in its place.
    for (const engine of [compose.services['engine-1'], container])
      for (const other of ['command', 'entrypoint', 'args']) expect(engine).not.toHaveProperty(other)
  })

  test('every name of the environment is one that the engine reads', () => {
    const ofEngine = [...read('engine/config.ts').matchAll(/\bread\('([A-Z_]+)'\)/g)].map(([, name]) => name!)
    const ofSettings = Object.keys(EngineSettings.properties).map(environmentName)
    const known = new Set([...ofEngine, ...ofSettings].map(name => `PATCHCORD_${name}`))
    expect(known).toContain('PATCHCORD_SECRET')

    const files = ['Dockerfile', 'docs/deployment.md', ...everyFile('deploy')]
    const named = files.flatMap(file => [...read(file).matchAll(/\bPATCHCORD_[A-Z_]+/g)].map(([name]) => name))
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter(name => !known.has(name))).toEqual([])
  })

  test('the port is the engine’s own', () => {
    expect(valuesOf(dockerfile, 'EXPOSE')).toEqual([String(port)])
    expect(compose.services['engine-1'].environment.PATCHCORD_PORT).toBe(String(port))
    expect(valuesOf(balancer, 'bind')).toEqual([`:${port}`])
    expect(compose.services.balancer.ports).toEqual([`127.0.0.1:${port}:${port}`])
    expect(container.ports).toEqual([{ name: 'http', containerPort: port }])
    expect(container.env).toContainEqual({ name: 'PATCHCORD_PORT', value: String(port) })
    expect(readYaml(`${kubernetes}/service.yaml`).spec.ports).toEqual([{ name: 'http', port, targetPort: 'http' }])
    expect(readYaml(`${kubernetes}/network-policy.yaml`).spec.ingress[0].ports).toEqual([{ protocol: 'TCP', port }])
  })

  test('there is time for a stop', () => {
    expect(seconds(compose.services['engine-1'].stop_grace_period)).toBeGreaterThan(stopTakes)
    expect(seconds(valuesOf(unit, 'TimeoutStopSec')[0]!)).toBeGreaterThan(stopTakes)
    const [sleep, first] = container.lifecycle.preStop.exec.command as string[]
    expect(sleep).toBe('sleep')
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(first) + stopTakes)
  })

  test('the version is the one of package.json', () => {
    expect(dockerfile).toContain(`org.opencontainers.image.version="${manifest.version}"`)
    expect(compose.services['engine-1'].image).toBe(`patchcord:${manifest.version}`)
    expect(readYaml(`${kubernetes}/kustomization.yaml`).images[0].newTag).toBe(manifest.version)
  })

  test('what the documents name is there', () => {
    const links = [...read('docs/deployment.md').matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path!)
    expect(links.length).toBeGreaterThan(3)
    for (const path of links) expect(existsSync(join(root, 'docs', path)), path).toBe(true)
    for (const [, name] of read('docs/deployment.md').matchAll(/^\| `([^`]+)` \|/gm))
      expect(existsSync(join(root, kubernetes, name!)), name).toBe(true)
  })

  test('no secret is kept', () => {
    expect(read('deploy/.gitignore').split('\n')).toContain('.env')
    for (const line of lines(read('deploy/.env.example'))) expect(line).toMatch(/^[A-Z_]+=$/)
    for (const name of manifests) expect(readYaml(`${kubernetes}/${name}`).kind).not.toBe('Secret')
    expect(container.envFrom).toEqual([{ secretRef: { name: 'patchcord' } }])
  })
})

describe('the probes', () => {
  const engine = shareEngine({ log: 'silent' })
  /** Every address that something asks. */
  const asked = [
    container.startupProbe.httpGet.path,
    container.livenessProbe.httpGet.path,
    container.readinessProbe.httpGet.path,
    ...[...balancer.matchAll(/^\s*http-check send meth GET uri (\S+)/gm)].map(([, path]) => path),
    ...JSON.stringify(compose)
      .matchAll(/http:\/\/127\.0\.0\.1:8080(\/\w+)/g)
      .map(([, path]) => path),
  ]

  test('ask for addresses that need no token', async () => {
    expect(asked).toEqual(['/healthz', '/healthz', '/readyz', '/readyz', '/readyz'])
    for (const path of asked) expect((await engine().get(path, { token: null })).status).toBe(200)
  })

  test('of the image tell an engine from none', async () => {
    const check = async (at: string): Promise<number> => {
      const [command, ...args] = healthCheck
      expect(command).toBe('node')
      const asking = spawn(process.execPath, args, { env: { PATCHCORD_PORT: at }, stdio: 'ignore' })
      const [code] = (await once(asking, 'exit')) as [number]
      return code
    }
    const own = await createTestEngine({ log: 'silent' })
    const { port: at } = new URL(own.engine.url)
    expect(await check(at)).toBe(0)
    await own.stop()
    expect(await check(at)).toBe(1)
  })

  test('that restart an engine never look at its storage', () => {
    expect(healthCheck.join(' ')).toContain('/healthz')
    expect(healthCheck.join(' ')).not.toContain('readyz')
    expect(compose.services['engine-1']).not.toHaveProperty('healthcheck')
  })
})

describe('the image', () => {
  const copied = valuesOf(dockerfile, 'COPY')
    .filter(args => !args.includes('--from'))
    .flatMap(args => args.split(' ').slice(1, -1))

  test('holds what the engine needs, and nothing else gets as far as the build', () => {
    expect(new Set(copied)).toEqual(
      new Set(['package.json', 'package-lock.json', 'LICENSE', 'engine', 'scripts', 'locales']),
    )
    const [everything, ...kept] = lines(read('.dockerignore'))
    expect(everything).toBe('*')
    expect(new Set(kept)).toEqual(new Set(copied.map(name => `!${name}`)))
    for (const name of copied) expect(existsSync(join(root, name)), name).toBe(true)
  })

  test('has packages without their install scripts, and none for development', () => {
    expect(dockerfile).toContain('npm ci --omit=dev --ignore-scripts')
    expect(dockerfile).toContain('npm run postinstall')
  })

  test('is built and run in one folder, by one user: Node’s compile cache goes by both', () => {
    expect(new Set(valuesOf(dockerfile, 'WORKDIR')).size).toBe(1)
    // `node` of the official image is 1000.
    expect(valuesOf(dockerfile, 'USER')).toEqual(['node', '1000:1000'])
    expect([pod.securityContext.runAsUser, pod.securityContext.runAsGroup]).toEqual([1_000, 1_000])
  })

  test('is of one base, on the line of Node that the engine is tested with', () => {
    expect(valuesOf(dockerfile, 'ARG')).toEqual([`NODE_IMAGE=node:${process.versions.node.split('.')[0]}-slim`])
    for (const from of valuesOf(dockerfile, 'FROM')) expect(from).toMatch(/^\$\{NODE_IMAGE\}( AS build)?$/)
    expect(valuesOf(dockerfile, 'STOPSIGNAL')).toEqual(['SIGTERM'])
  })
})

describe('Compose', () => {
  const engines = Object.entries<Record<string, never>>(compose.services).filter(([name]) => name.startsWith('engine-'))
  const redis = compose.services.redis
  const settings = new Map<string, string>(
    (redis.command.at(-1) as string).split('\n').map(line => {
      const [name = '', ...value] = line.trim().split(' ')
      return [name, value.join(' ')]
    }),
  )

  test('starts two equal engines, which are those that the balancer knows', () => {
    expect(engines).toHaveLength(2)
    expect(engines[0]![1]).toEqual(engines[1]![1])
    expect(valuesOf(balancer, 'server').map(server => server.split(' '))).toEqual(
      engines.map(([name]) => [name, `${name}:${port}`]),
    )
  })

  test('gives them settings that they take, all secrets among them', async () => {
    const example = lines(read('deploy/.env.example')).map(line => line.slice(0, -1))
    const { environment, volumes } = compose.services['engine-1'] as {
      environment: Record<string, string>
      volumes: string[]
    }
    const asked = JSON.stringify(compose.services).matchAll(/\$\{(\w+)(:\?[^}]*)?\}/g)
    // With `:?` Compose refuses to start where one is empty.
    for (const [, name, orRefuse] of asked)
      expect([example.includes(name!), orRefuse]).toEqual([true, expect.any(String)])

    const filled = Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/\$\{(\w+):\?[^}]*\}/, (_, secret: string) => `${secret.toLowerCase()}-${'x'.repeat(32)}`),
    ])
    const mounted = volumes.find(volume => volume.includes(environment.PATCHCORD_CONFIG!))!.split(':')[0]!
    const config = loadConfig(
      { ...Object.fromEntries(filled), PATCHCORD_CONFIG: join(root, 'deploy', mounted) },
      await newFolder(),
    )
    expect(config).toMatchObject({ host: '0.0.0.0', token: expect.any(String), secret: expect.any(String) })
    expect(config.storage).toMatch(/^redis:\/\/:[\w-]+@redis:6379\/0$/)
    for (const volume of volumes) {
      expect(existsSync(join(root, 'deploy', volume.split(':')[0]!)), volume).toBe(true)
      expect(volume).toMatch(/:ro$/)
    }
  })

  test('has a Redis that keeps what it took', () => {
    expect(Object.fromEntries(settings)).toMatchObject({
      appendonly: 'yes',
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
      dir: '/data',
    })
    expect(redis.volumes).toEqual(['redis:/data'])
    expect(redis).toHaveProperty('healthcheck')
    expect(redis).not.toHaveProperty('ports')
    expect(redis.networks).toEqual(['storage'])
    expect(compose.networks.storage).toEqual({ internal: true })
    // An argument could be read by everybody: the shell puts it in.
    expect(settings.get('requirepass')).toBe('$$REDIS_PASSWORD')
  })

  test.each(Object.keys(compose.services))('takes from %s what it does not need', name => {
    expect(compose.services[name]).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
    })
    expect(compose.services[name]).not.toHaveProperty('privileged')
  })
})

describe('the balancer', () => {
  test('gives a request to one engine, once, and asks who is ready', () => {
    expect(lines(balancer)).toEqual(
      expect.arrayContaining(['retries 0', 'no option redispatch', 'option http-server-close', 'option httpchk']),
    )
    expect(balancer).not.toMatch(/^\s*(retry-on|option redispatch)/m)
    expect(balancer).toMatch(/^\s*default-server check /m)
  })

  test('waits longer than a run may take', () => {
    expect(seconds(valuesOf(balancer, 'timeout server')[0]!) * 1_000).toBeGreaterThan(
      loadConfig({}, '/nowhere').engine.scriptWallMs,
    )
  })

  test('logs no path and no query: numbers and the secrets of callbacks stand there', () => {
    const [format] = valuesOf(balancer, 'log-format')
    expect(format).toBeDefined()
    expect(format).not.toMatch(/%(\{[^}]*\})?(r|HU|HP|HPO|HQ)\b/)
    expect(balancer).not.toMatch(/option (httplog|tcplog)/)
  })

  test('takes nobody out for one check, and hears of a stop before the drain is over', () => {
    const ms = (text: string): number => Number(/^(\d+)m?s$/.exec(text)![1]) * (text.endsWith('ms') ? 1 : 1_000)
    const words = valuesOf(balancer, 'default-server')[0]!.split(' ')
    const after = (word: string): string => words[words.indexOf(word) + 1]!
    const fall = Number(after('fall'))
    expect(fall).toBeGreaterThan(1)
    const noticedMs = ms(after('inter')) * fall + ms(valuesOf(balancer, 'timeout check')[0]!)
    expect(noticedMs).toBeLessThan(Number(compose.services['engine-1'].environment.PATCHCORD_DRAIN_MS))
    // Node's default of how many connections wait to be taken: one more would look as if there were no engine.
    expect(Number(after('maxconn'))).toBeLessThan(511)
    // What an engine refuses is heard of at once.
    expect(words.join(' ')).toContain('observe layer4 error-limit 1 on-error mark-down')
  })

  test.each([
    [502, 'storage_unavailable'],
    [503, 'overloaded'],
    [504, 'script_timeout'],
  ])('says %d for itself as the API would', (status, code) => {
    const [, headers, text] = new RegExp(`^\\s*http-error status ${status} (.*) string "(.*)"$`, 'm').exec(balancer)!
    expect(headers).toBe('content-type application/problem+json hdr retry-after 1 hdr cache-control no-store')
    const problem: unknown = JSON.parse(text!.replaceAll('\\"', '"'))
    expect(problem).toMatchObject({ type: 'about:blank', status, code, retryAfter: 1 })
    expect(problem).toHaveProperty(
      'detail',
      expect.stringMatching(status === 503 ? /Nothing was promised/ : /not known .* same Idempotency-Key/),
    )
  })
})

describe('Kubernetes', () => {
  const kustomization = readYaml(`${kubernetes}/kustomization.yaml`)
  const own = { 'app.kubernetes.io/name': 'patchcord' }

  test('gets every file of the folder', () => {
    expect(new Set(kustomization.resources)).toEqual(new Set(manifests))
    expect(kustomization.configMapGenerator).toEqual([{ name: 'patchcord', files: ['patchcord.json'] }])
    expect(kustomization.images[0].name).toBe(container.image)
    const kinds = manifests.map(name => readYaml(`${kubernetes}/${name}`).kind as string)
    expect(new Set(kinds)).toEqual(new Set(['Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy']))
  })

  test('finds the engines by one label', () => {
    expect(deployment.spec.template.metadata.labels).toEqual(own)
    expect(deployment.spec.selector).toEqual({ matchLabels: own })
    expect(pod.topologySpreadConstraints[0].labelSelector).toEqual({ matchLabels: own })
    expect(readYaml(`${kubernetes}/service.yaml`).spec.selector).toEqual(own)
    expect(readYaml(`${kubernetes}/disruption-budget.yaml`).spec.selector).toEqual({ matchLabels: own })
    expect(readYaml(`${kubernetes}/network-policy.yaml`).spec.podSelector).toEqual({ matchLabels: own })
  })

  test('keeps two engines, and one more while they change', () => {
    expect(deployment.spec.replicas).toBe(2)
    expect(deployment.spec.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 })
    expect(readYaml(`${kubernetes}/disruption-budget.yaml`).spec.maxUnavailable).toBe(1)
  })

  test('asks for what the restricted pod standard asks for, and for a read-only root', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(pod.automountServiceAccountToken).toBe(false)
    expect(Object.keys(container.resources.requests)).toEqual(['cpu', 'memory'])
    expect(Object.keys(container.resources.limits)).toEqual(['memory'])
  })

  test('lets no Service change the engine’s port', async () => {
    // What a pod would get of a Service that is called as ours is.
    const { name } = readYaml(`${kubernetes}/service.yaml`).metadata as { name: string }
    const injected = { [`${name.toUpperCase()}_PORT`]: `tcp://10.0.0.1:${port}` }
    const folder = await newFolder()
    expect(() => loadConfig(injected, folder)).toThrow(/^PATCHCORD_PORT: /)
    expect(pod.enableServiceLinks).toBe(false)
  })

  test('has a configuration that the engine takes, where it looks for it', () => {
    const { PATCHCORD_CONFIG: path, ...environment } = Object.fromEntries(
      (container.env as Array<{ name: string; value: string }>).map(({ name, value }) => [name, value]),
    )
    expect(basename(path!)).toBe('patchcord.json')
    expect(container.volumeMounts).toContainEqual({ name: 'config', mountPath: dirname(path!), readOnly: true })
    expect(pod.volumes).toContainEqual({ name: 'config', configMap: { name: 'patchcord' } })
    const config = loadConfig(
      { ...environment, PATCHCORD_CONFIG: join(root, kubernetes, 'patchcord.json') },
      '/nowhere',
    )
    expect(config).toMatchObject({ port, carriers: { main: { driver: 'loopback' } } })
    // Some sandbox processes at their limit, and the engine.
    expect(container.resources.limits.memory).toBe('2Gi')
    expect(config.engine.sandboxMemoryMb * 3).toBeLessThan(2_048)
  })
})

describe('the unit', () => {
  const settings = new Map(lines(unit).map(line => line.split(/=(.*)/s).slice(0, 2) as [string, string]))

  test('has its storage in the one folder that the engine can write', () => {
    const [variable, value] = settings.get('Environment')!.split(/=(.*)/s)
    const config = loadConfig({ [variable!]: value }, settings.get('WorkingDirectory'))
    expect(config.dataFolder).toBe(`/var/lib/${settings.get('StateDirectory')}`)
    expect(Object.fromEntries(settings)).toMatchObject({
      DynamicUser: 'yes',
      ProtectSystem: 'strict',
      ProtectHome: 'yes',
      NoNewPrivileges: 'yes',
      CapabilityBoundingSet: '',
      StateDirectoryMode: '0700',
    })
  })

  test('leaves the engine what it needs', () => {
    // V8 writes code that it runs.
    expect(settings.has('MemoryDenyWriteExecute')).toBe(false)
    // AF_UNIX: pipes to the sandbox. AF_NETLINK: addresses of the machine, asked where it listens on all of them.
    expect(settings.get('RestrictAddressFamilies')?.split(' ').sort()).toEqual([
      'AF_INET',
      'AF_INET6',
      'AF_NETLINK',
      'AF_UNIX',
    ])
    // Memory and CPU time of its sandbox processes are read there, by way of /proc/<pid>.
    expect(settings.get('ProtectProc')).toBe('invisible')
    expect(settings.has('ProcSubset')).toBe(false)
    // Of all calls those that set limits are in @system-service; a list of what is forbidden could take them again.
    expect(settings.get('SystemCallFilter')).toBe('@system-service')
  })

  test('stops the engine alone, and starts it again whenever it ends', () => {
    expect(settings.get('Type')).toBe('exec')
    expect(settings.get('KillMode')).toBe('mixed')
    expect(settings.get('Restart')).toBe('always')
    expect(settings.get('StartLimitIntervalSec')).toBe('0')
    expect(settings.get('OOMPolicy')).toBe('continue')
  })
})

function everyFile(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name !== '.env')
    .map(entry => join(entry.parentPath, entry.name).slice(root.length + 1))
}
