import { useText } from "../i18n/language";
import { href } from "../state/route";
import { DeviceList } from "../ui/device-list";
import { Heading } from "../ui/parts";
import { PropertyPicker, useSubject } from "../ui/property-picker";

export function DevicesPage() {
  const { t } = useText();
  const subject = useSubject();
  return (
    <div class="column devices-column">
      <div class="page-head">
        <Heading>{t.list.title}</Heading>
        <PropertyPicker />
      </div>
      <DeviceList subject={subject} href={(entry) => href("device", {}, entry.device.name)} wide />
    </div>
  );
}
