(
    -- What each line says: number, sku, name, category, quantity, unit price, discount, tax. Amounts are numbers or texts.
    arrayMap(
        (line, number) -> (
            toUInt32(number),
            if(JSONType(line, 'sku') = 'String', JSONExtractString(line, 'sku'), JSONExtractRaw(line, 'sku')),
            JSONExtractString(line, 'name'),
            JSONExtractString(line, 'category'),
            assumeNotNull(toDecimal128OrZero(trim(BOTH '" ' FROM JSONExtractRaw(line, 'quantity')), 4)),
            assumeNotNull(toDecimal128OrZero(trim(BOTH '" ' FROM JSONExtractRaw(line, 'unit_price')), 4)),
            assumeNotNull(toDecimal128OrZero(trim(BOTH '" ' FROM JSONExtractRaw(line, 'discount')), 4)),
            toDecimal128OrNull(trim(BOTH '" ' FROM JSONExtractRaw(line, 'tax')), 4)
        ),
        JSONExtractArrayRaw(properties, 'lines') AS raw_lines,
        arrayEnumerate(raw_lines)
    )
)
