/** The device that a run trains on; undefined: the processor. */
import type { GgufFile } from "../formats/gguf/types.ts";
import { chooseDevice, type Device } from "../tensor/devices.ts";
import { chooseMemory } from "./choose-memory.ts";
import type { TrainingPlan } from "./worker/protocol.ts";

/** @throws DEVICE_UNAVAILABLE when a named kind is missing; `auto` passes over a device whose memory will not do. */
export function chooseTrainingDevice(file: GgufFile, plan: TrainingPlan): Device | undefined {
  const device = chooseDevice(plan.device);
  if (device === undefined || plan.device !== "auto") return device;
  const holdType = plan.holdType === "auto" ? "BF16" : plan.holdType;
  return chooseMemory(file, plan, holdType, device).chosen === undefined ? undefined : device;
}
