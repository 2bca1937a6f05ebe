/** The names of the devices that training knows; apart from devices.ts, because settings are read where no native code is loaded. */
export const DEVICE_KINDS = ["cuda", "metal", "vulkan"] as const;
export type DeviceKind = (typeof DEVICE_KINDS)[number];

export const DEVICE_CHOICES = ["auto", "cpu", ...DEVICE_KINDS] as const;
export type DeviceChoice = (typeof DEVICE_CHOICES)[number];
