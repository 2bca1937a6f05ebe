/** The devices that a graph can be computed on besides the processor: what there is, and the choice among them. */
import type { DeviceChoice, DeviceKind } from "./device-choices.ts";
import { captureLog, deviceKindsHere, deviceUnavailable, openDeviceRegistry } from "./device-libraries.ts";
import { openGgml, type Pointer } from "./ggml.ts";

export interface Device {
  /** `cpu` is the processor behind the interface that all devices share. */
  kind: DeviceKind | "cpu";
  /** ggml's name, such as `Vulkan0`. */
  name: string;
  description: string;
  freeBytes: number;
  totalBytes: number;
  /** Shares the processor's chip and memory; seldom faster than the processor. */
  isIntegrated: boolean;
  pointer: Pointer;
}

/** GGML_BACKEND_DEVICE_TYPE_IGPU */
const TYPE_INTEGRATED = 2;

/** @throws DEVICE_UNAVAILABLE when there is none, with the reason. */
export function listDevices(kind: Device["kind"]): Device[] {
  const ggml = openGgml();
  const registry = kind === "cpu" ? ggml.cpuRegistry() : openDeviceRegistry(kind);
  const log = captureLog(ggml);
  try {
    return Array.from({ length: Number(ggml.registryDeviceCount(registry)) }, (_, index) => {
      const pointer = ggml.registryDevice(registry, index);
      const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
      ggml.deviceMemory(pointer, free, total);
      return {
        kind,
        name: ggml.deviceName(pointer),
        description: ggml.deviceDescription(pointer),
        freeBytes: Number(free[0]),
        totalBytes: Number(total[0]),
        isIntegrated: ggml.deviceType(pointer) === TYPE_INTEGRATED,
        pointer,
      };
    });
  } finally {
    log.end();
  }
}

/** Every device of this machine, and why the kinds that it could have are missing. */
export function findDevices(): { devices: Device[]; missing: Partial<Record<DeviceKind, string>> } {
  const devices: Device[] = [];
  const missing: Partial<Record<DeviceKind, string>> = {};
  for (const kind of deviceKindsHere())
    try {
      devices.push(...listDevices(kind));
    } catch (error) {
      missing[kind] = (error as Error).message;
    }
  return { devices, missing };
}

/**
 * The device to use; undefined: the processor. `auto` takes one that has a chip of its own, and otherwise the processor; a kind that is
 * named is taken, or missed with an error.
 */
export function chooseDevice(choice: DeviceChoice): Device | undefined {
  if (choice === "cpu") return undefined;
  if (choice === "auto") return mostFree(findDevices().devices.filter((device) => !device.isIntegrated));
  const device = mostFree(listDevices(choice));
  if (device === undefined) throw deviceUnavailable(choice, "none was found");
  return device;
}

/** The first of those with the most free memory: the kinds come in the order of their speed. */
function mostFree(devices: readonly Device[]): Device | undefined {
  const kind = devices[0]?.kind;
  return devices
    .filter((device) => device.kind === kind)
    .sort((a, b) => b.freeBytes - a.freeBytes)
    .at(0);
}
