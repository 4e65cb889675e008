/**
 * The ways to cut what one pod sends to another, from inside of a pod.
 *
 * `iptables` at the receiver drops segments that carry data or open, close or reset a connection,
 * and lets bare acknowledgements pass. Dropping everything would cut the other direction as well:
 * what the other side sends would arrive, but never be acknowledged, and TCP would soon send no
 * more of it. A header without data has at most 80 bytes (IP 20, TCP 20, options 40), and a
 * segment with less data than that has PSH set, because it is the end of what was written.
 *
 * `arp` at the sender needs no netfilter, only what every busybox has: the neighbour gets a
 * hardware address that nobody has, so packets leave and arrive nowhere, acknowledgements
 * included. The other direction then carries only what TCP sends without being acknowledged.
 */
export interface LinkCutter {
  readonly name: string;
  /** Whose pod the commands run in. */
  readonly at: 'receiver' | 'sender';
  /** Makes it ready, and fails where it does not work. */
  readonly prepare: string;
  /** `address`: of the sender at the receiver, of the receiver at the sender. */
  cut(address: string): string;
  /** Drops this share of what arrives from an address; absent where it cannot. */
  lose?(address: string, share: number): string;
  /** Takes back all cuts of this pod. */
  mend(addresses: readonly string[]): string;
}

/** An address for documentation, which no pod has. */
const nobody = '192.0.2.1';
const nobodysHardware = '02:00:00:00:00:00';

function iptables(binary: string): LinkCutter {
  const command = `${binary} -w`;
  const cut = (address: string): string =>
    `${command} -A CRUCIBLE -s ${address} -p tcp --tcp-flags SYN,PSH,FIN,RST NONE ` +
    `-m length --length :80 -j ACCEPT && ${command} -A CRUCIBLE -s ${address} -j DROP`;
  const lose = (address: string, share: number): string =>
    `${command} -A CRUCIBLE -s ${address} -m statistic --mode random ` +
    `--probability ${share} -j DROP`;
  const flush = `${command} -F CRUCIBLE`;
  return {
    name: binary,
    at: 'receiver',
    prepare:
      `${command} -N CRUCIBLE && ${command} -A INPUT -j CRUCIBLE && ${cut(nobody)} && ` +
      `${flush}`,
    ...{ cut, lose },
    mend: () => flush,
  };
}

const arp: LinkCutter = {
  name: 'arp',
  at: 'sender',
  prepare: `arp -i eth0 -s ${nobody} ${nobodysHardware} && arp -i eth0 -d ${nobody}`,
  cut: (address) => `arp -i eth0 -s ${address} ${nobodysHardware}`,
  mend: (addresses) => addresses.map((address) => `arp -i eth0 -d ${address}`).join(' && '),
};

/** In the order in which they are tried: the kernel may have only one kind of tables. */
export const linkCutters: readonly LinkCutter[] = [
  iptables('iptables-nft'),
  iptables('iptables-legacy'),
  iptables('iptables'),
  arp,
];
