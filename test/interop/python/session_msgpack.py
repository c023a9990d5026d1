"""MessagePack, as its specification has it: what a contract may be spoken in besides JSON."""

import struct


class MessagePackCodec:
    def encode(self, value):
        out = bytearray()
        self.put(out, value)
        return bytes(out)

    def put(self, out, value):
        if value is None:
            out.append(0xC0)
        elif isinstance(value, bool):
            out.append(0xC3 if value else 0xC2)
        elif isinstance(value, int):
            self.put_int(out, value)
        elif isinstance(value, float):
            out += b"\xcb" + struct.pack(">d", value)
        elif isinstance(value, str):
            data = value.encode()
            self.put_length(out, len(data), 0xA0, 32, (0xD9, 0xDA, 0xDB))
            out += data
        elif isinstance(value, bytes):
            self.put_length(out, len(value), 0, 0, (0xC4, 0xC5, 0xC6))
            out += value
        elif isinstance(value, list):
            self.put_length(out, len(value), 0x90, 16, (None, 0xDC, 0xDD))
            for item in value:
                self.put(out, item)
        else:
            self.put_length(out, len(value), 0x80, 16, (None, 0xDE, 0xDF))
            for key, item in value.items():
                self.put(out, key)
                self.put(out, item)

    @staticmethod
    def put_int(out, value):
        if -32 <= value < 128:
            out += struct.pack(">b", value)
            return
        formats = ((0xD0, ">b"), (0xD1, ">h"), (0xD2, ">i"), (0xD3, ">q")) if value < 0 else (
            (0xCC, ">B"), (0xCD, ">H"), (0xCE, ">I"), (0xCF, ">Q"))
        for head, form in formats:
            try:
                out += bytes([head]) + struct.pack(form, value)
                return
            except struct.error:
                continue
        raise ValueError("an integer that is too large")

    @staticmethod
    def put_length(out, length, fix, below, heads):
        if length < below:
            out.append(fix | length)
            return
        for head, form, most in zip(heads, (">B", ">H", ">I"), (0xFF, 0xFFFF, 0xFFFFFFFF), strict=True):
            if head is not None and length <= most:
                out += bytes([head]) + struct.pack(form, length)
                return

    def decode(self, message):
        value, at = self.get(message, 0)
        if at != len(message):
            raise ValueError("bytes behind the value")
        return value

    def get(self, data, at):
        head = data[at]
        at += 1
        if head < 0x80 or head >= 0xE0:
            return struct.unpack(">b", bytes([head]))[0], at
        if head < 0x90:
            return self.get_map(data, at, head & 0x0F)
        if head < 0xA0:
            return self.get_array(data, at, head & 0x0F)
        if head < 0xC0:
            return self.get_text(data, at, head & 0x1F)
        if head in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[head], at
        numbers = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
                   0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
        if head in numbers:
            return self.unpack(numbers[head], data, at)
        lengths = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I",
                   0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I"}
        if head not in lengths:
            raise ValueError(f"no use for {head:02x} here")
        length, at = self.unpack(lengths[head], data, at)
        if head <= 0xC6:
            return data[at : at + length], at + length
        if head <= 0xDB:
            return self.get_text(data, at, length)
        return self.get_array(data, at, length) if head <= 0xDD else self.get_map(data, at, length)

    @staticmethod
    def unpack(form, data, at):
        size = struct.calcsize(form)
        return struct.unpack(form, data[at : at + size])[0], at + size

    @staticmethod
    def get_text(data, at, length):
        return data[at : at + length].decode(), at + length

    def get_array(self, data, at, length):
        items = []
        for _ in range(length):
            item, at = self.get(data, at)
            items.append(item)
        return items, at

    def get_map(self, data, at, length):
        found = {}
        for _ in range(length):
            key, at = self.get(data, at)
            found[key], at = self.get(data, at)
        return found, at
