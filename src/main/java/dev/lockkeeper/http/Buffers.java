package dev.lockkeeper.http;

import dev.lockkeeper.units.Bytes;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.internal.buffer.BufferInternal;

/** Between the house's bytes and Vert.x's buffers, without copies where there is an array. */
final class Buffers {
    private Buffers() {}

    static Buffer buffer(Bytes bytes) {
        return BufferInternal.buffer(Unpooled.wrappedBuffer(bytes.array(), bytes.offset(), bytes.length()));
    }

    static Bytes bytes(Buffer buffer) {
        ByteBuf content = ((BufferInternal) buffer).getByteBuf();
        return content.hasArray()
                ? new Bytes(content.array(), content.arrayOffset() + content.readerIndex(), content.readableBytes())
                : Bytes.of(buffer.getBytes());
    }
}
