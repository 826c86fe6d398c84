#include "lib/diagnose/boot/machine_secrets.h"

#include <string_view>

namespace hib::diagnose::boot {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_secret(const device::Value& value) {
  return value.presence == device::Presence::Present &&
         (value.strength == device::Strength::Strong || value.name == "serial");
}

SecretKind kind_of(const device::Value& value) {
  if (contains(value.name, "uuid") || value.name == "guid") return SecretKind::Uuid;
  if (value.name == "mac" || value.name == "address") return SecretKind::Mac;
  if (value.name == "wwn" || value.name == "wwid" || value.name == "eui" || value.name == "eui64" ||
      value.name == "nguid")
    return SecretKind::Wwn;
  return SecretKind::Serial;
}

// Some values are made of several: "NQN SERIAL 1", "VENDOR:PRODUCT:SERIAL:0", and the model among them, which
// is no secret. Each part may stand alone somewhere.
void learn_parts(SecretKind kind, std::string_view text, std::string_view separators, std::string_view model,
                 Mask& mask) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    const std::string_view part = text.substr(at, end - at);
    if (is_worth_hiding(part) && !contains(model, part)) mask.learn(kind, part);
    at = end + 1;
  }
}

void learn_value(const device::Value& value, std::string_view model, Mask& mask) {
  const SecretKind kind = kind_of(value);
  if (is_worth_hiding(value.text)) mask.learn(kind, value.text);
  if (kind == SecretKind::Serial)
    learn_parts(kind, value.text, value.name == "usb-serial" ? " :" : " ", model, mask);
}

}  // namespace

void learn_names(const device::Tree& tree, Mask& mask) {
  for (const char* path : {"/etc/hostname", "/proc/sys/kernel/hostname"}) {
    const device::Reading name = tree.read_line(path);
    if (name.is_present()) mask.learn_host(name.text);
  }
  const device::Reading id = tree.read_line("/etc/machine-id");
  if (id.is_present() && is_worth_hiding(id.text)) mask.learn(SecretKind::Uuid, id.text);
}

void learn_devices(const device::DeviceSet& devices, Mask& mask) {
  for (const device::Device& device : devices.devices) {
    const device::Value* model = device.find_identity("model");
    for (const device::Value& value : device.identity) {
      if (is_secret(value)) learn_value(value, model == nullptr ? "" : std::string_view(model->text), mask);
    }
  }
}

void hide(device::DeviceSet& devices, Mask& mask) {
  for (device::Device& device : devices.devices) {
    for (std::string* text : {&device.path, &device.name, &device.parent}) mask.hide(*text);
    for (std::string& member : device.members) mask.hide(member);
    for (device::Value& value : device.identity) {
      const std::string masked = mask(value.text);
      const bool is_still_there = is_secret(value) && masked == value.text && pseudonym_at(masked, 0) == 0;
      value.text = is_still_there ? mask.pseudonym(kind_of(value), value.text) : masked;
    }
    for (device::Value& value : device.state) mask.hide(value.text);
    device.config.clear();  // has serial numbers in it
  }
}

}  // namespace hib::diagnose::boot
